#include "cli/kept_prefixes.h"

#include <filesystem>
#include <utility>

#include "base/error.h"
#include "base/fnv_hash.h"
#include "engine/rank_prefixes.h"
#include "model/identity.h"

namespace trinity {
namespace {

// A file beside the one at `path`, which is not there, that another number of ranks has left;
// empty: there is none.
std::string OfAnotherNumberOfRanks(const std::string& path) {
  const std::filesystem::path missing(path);
  const std::string own = missing.filename().string();
  const size_t count = own.rfind("-of-");
  const std::string own_end = count == std::string::npos ? own : own.substr(count);
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(missing.parent_path(), error)) {
    const std::string name = entry.path().filename().string();
    const bool is_of_prefixes = name.starts_with("prefixes") && name.ends_with(".trinity");
    if (is_of_prefixes && !name.ends_with(own_end)) return entry.path().string();
  }
  return {};
}

}  // namespace

KeptPrefixes::KeptPrefixes(const std::optional<PrefixStorage>& storage, const LanguageModel& model,
                           const Model& loaded, const ModelOptions& options,
                           std::shared_ptr<AccessLog> log)
    : storage_(storage), log_(std::move(log)) {
  if (!storage_) return;
  LoadOptions load;
  load.compute = options.compute_mode();
  load.grid = options.grid();
  if (loaded.ranks().size() > 1) {
    storage_->leader = &loaded;
    storage_->path = PrefixPathOfLeader(storage_->path, loaded.ranks().size());
  }
  storage_->identity = FnvHash(fmt::format(
      "{}, keys and values {}", IdentityOf(model.checkpoint, load), NameOf(options.kv_dtype())));
}

void KeptPrefixes::Load(Engine& engine) const {
  if (!storage_) return;
  if (!std::filesystem::exists(storage_->path)) {
    const std::string other = OfAnotherNumberOfRanks(storage_->path);
    if (!other.empty()) {
      log_->WriteEvent(
          fmt::format("prefixes not loaded: {}: is of another number of ranks", other));
    }
    return;
  }
  try {
    const int64_t num_loaded = engine.LoadPrefixes(*storage_);
    log_->WriteEvent(fmt::format("{} prefixes loaded from {}", num_loaded, storage_->path));
  } catch (const Error& error) {
    log_->WriteEvent(fmt::format("prefixes not loaded: {}", error.what()));
  }
}

void KeptPrefixes::Save(const Engine& engine) const {
  if (!storage_) return;
  try {
    const int64_t num_saved = engine.SavePrefixes(*storage_);
    log_->WriteEvent(fmt::format("{} prefixes saved to {}", num_saved, storage_->path));
  } catch (const Error& error) {
    log_->WriteEvent(fmt::format("prefixes not saved: {}", error.what()));
  }
}

}  // namespace trinity

#pragma once

#include <memory>
#include <optional>

#include "cli/language_model.h"
#include "cli/loaded_model.h"
#include "engine/engine.h"
#include "engine/prefix_storage.h"
#include "server/access_log.h"

namespace trinity {

// The prefixes that a server keeps in a file while it does not run. What goes wrong with the file
// is said in the log and costs no more than what is in it.
class KeptPrefixes {
 public:
  // `storage`: without identity, for one rank; absent: nothing is kept.
  KeptPrefixes(const std::optional<PrefixStorage>& storage, const LanguageModel& model,
               const Model& loaded, const ModelOptions& options, std::shared_ptr<AccessLog> log);

  void Load(Engine& engine) const;
  void Save(const Engine& engine) const;

 private:
  std::optional<PrefixStorage> storage_;
  std::shared_ptr<AccessLog> log_;
};

}  // namespace trinity

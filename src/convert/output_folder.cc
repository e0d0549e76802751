#include "convert/output_folder.h"

#include <algorithm>
#include <filesystem>
#include <limits>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/file.h"

namespace trinity {
namespace {

namespace fs = std::filesystem;

std::string Gigabytes(int64_t num_bytes) {
  return fmt::format("{:.2f} GB", static_cast<double>(num_bytes) * 1e-9);
}

}  // namespace

OutputFolder::OutputFolder(std::string path) : path_(std::move(path)) {
  std::error_code error;
  is_new_ = !fs::exists(path_, error);
  fs::create_directories(path_, error);
  if (error) Fail("{}: folder cannot be made: {}", path_, error.message());
  const bool is_empty = fs::is_empty(path_, error);
  if (error) Fail("{}: cannot be read: {}", path_, error.message());
  if (!is_empty) Fail("{}: expected a new or empty folder, found one with files", path_);
}

OutputFolder::~OutputFolder() {
  if (is_kept_) return;
  std::error_code ignored;
  for (const std::string& path : written_) fs::remove(path, ignored);
  if (is_new_) fs::remove(path_, ignored);
}

void OutputFolder::RequireFreeSpace(int64_t num_bytes) const {
  std::error_code error;
  const fs::space_info space = fs::space(path_, error);
  if (error) Fail("{}: free space cannot be read: {}", path_, error.message());
  constexpr uintmax_t kMost = std::numeric_limits<int64_t>::max();
  const auto available = static_cast<int64_t>(std::min<uintmax_t>(space.available, kMost));
  if (available < num_bytes) {
    Fail("{}: expected {} of free space, found {}", path_, Gigabytes(num_bytes),
         Gigabytes(available));
  }
}

std::string OutputFolder::PathOf(std::string_view file_name) {
  return written_.emplace_back((fs::path(path_) / file_name).string());
}

void OutputFolder::WriteText(std::string_view file_name, std::string_view text) {
  AtomicFile file(PathOf(file_name));
  file.Append(text);
  file.Commit();
}

}  // namespace trinity

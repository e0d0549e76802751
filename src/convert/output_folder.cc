#include "convert/output_folder.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "convert/free_space.h"

namespace trinity {
namespace {

namespace fs = std::filesystem;

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
  trinity::RequireFreeSpace(path_, num_bytes);
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

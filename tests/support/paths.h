#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

namespace trinity {

// A file under tests/data.
inline std::string TestData(const std::string& name) {
  return std::string(TRINITY_SOURCE_DIR) + "/tests/data/" + name;
}

// The bundled checkpoint.
inline std::string PicoFolder() { return std::string(TRINITY_SOURCE_DIR) + "/models/trinity-pico"; }

// The folder of large goldens that are not in the repository: $TRINITY_GOLDENS, else a folder named
// shared beside the checkout. Tests that need what is not there skip, and say so.
inline std::string SharedFolder() {
  if (const char* folder = std::getenv("TRINITY_GOLDENS")) return folder;
  return std::string(TRINITY_SOURCE_DIR) + "/../shared";
}

// A folder of this test's own, empty at first, removed at the end.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "trinity-test-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }

  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace trinity

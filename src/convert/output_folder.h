#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace trinity {

// A folder that is filled with files as one deed: unless Keep is called, what was written there is
// removed again.
class OutputFolder {
 public:
  // Makes the folder if there is none. Throws Error where it is no folder or not empty.
  explicit OutputFolder(std::string path);
  OutputFolder(const OutputFolder&) = delete;
  OutputFolder& operator=(const OutputFolder&) = delete;
  ~OutputFolder();

  // Throws Error, with both numbers, where the file system has less free space.
  void RequireFreeSpace(int64_t num_bytes) const;

  // The path of a file that is about to be written.
  std::string PathOf(std::string_view file_name);
  void WriteText(std::string_view file_name, std::string_view text);

  void Keep() { is_kept_ = true; }

 private:
  std::string path_;
  bool is_new_ = false;
  bool is_kept_ = false;
  std::vector<std::string> written_;
};

}  // namespace trinity

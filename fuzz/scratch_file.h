#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace trinity {

// A file in memory that parsers open by its path.
class ScratchFile {
 public:
  ScratchFile();
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;
  ~ScratchFile();

  const std::string& path() const { return path_; }

  // Replaces the content. Zeros follow up to `num_bytes`, without taking memory.
  void Write(std::string_view content, int64_t num_bytes = 0);

 private:
  int descriptor_;
  std::string path_;
};

// The path of a folder of this process's own under $TMPDIR, the same at each call, removed at exit.
const std::string& ScratchFolder();

// Writes a file of that folder, or removes it where `content` is empty.
void WriteScratch(const std::string& name, std::string_view content);

// A safetensors file with this header, and after it zeros for as many bytes of data as the header
// states, but not more than 1 GiB.
void WriteSafetensors(std::string_view header, ScratchFile& file);

}  // namespace trinity

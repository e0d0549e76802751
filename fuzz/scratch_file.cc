#include "fuzz/scratch_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/check.h"

namespace trinity {
namespace {

constexpr int64_t kMaxDataBytes = int64_t{1} << 30;

void WriteAll(int descriptor, std::string_view content) {
  TRINITY_CHECK(pwrite(descriptor, content.data(), content.size(), 0) ==
                static_cast<ssize_t>(content.size()));
}

// The largest number in any data_offsets of the header, if it can be made out.
int64_t StatedDataBytes(std::string_view header) {
  const nlohmann::json json = nlohmann::json::parse(header, nullptr, /*allow_exceptions=*/false);
  int64_t stated = 0;
  if (!json.is_object()) return stated;
  for (const auto& entry : json) {
    if (!entry.is_object() || !entry.contains("data_offsets")) continue;
    for (const auto& offset : entry["data_offsets"]) {
      if (offset.is_number_unsigned()) {
        stated = std::max(stated, std::clamp<int64_t>(offset.get<int64_t>(), 0, kMaxDataBytes));
      }
    }
  }
  return stated;
}

}  // namespace

ScratchFile::ScratchFile() : descriptor_(memfd_create("scratch", MFD_CLOEXEC)) {
  TRINITY_CHECK(descriptor_ >= 0);
  path_ = "/proc/self/fd/" + std::to_string(descriptor_);
}

ScratchFile::~ScratchFile() { close(descriptor_); }

void ScratchFile::Write(std::string_view content, int64_t num_bytes) {
  TRINITY_CHECK(ftruncate(descriptor_, 0) == 0);
  WriteAll(descriptor_, content);
  const auto end = std::max(num_bytes, static_cast<int64_t>(content.size()));
  TRINITY_CHECK(ftruncate(descriptor_, end) == 0);
}

const std::string& ScratchFolder() {
  static const std::string folder = [] {
    std::string pattern = (std::filesystem::temp_directory_path() / "trinity-fuzz-XXXXXX").string();
    TRINITY_CHECK(mkdtemp(pattern.data()) != nullptr);
    return pattern;
  }();
  static const int registered = std::atexit([] {
    std::error_code error;
    std::filesystem::remove_all(ScratchFolder(), error);
  });
  TRINITY_CHECK(registered == 0);
  return folder;
}

void WriteScratch(const std::string& name, std::string_view content) {
  const std::string path = ScratchFolder() + "/" + name;
  if (content.empty()) {
    unlink(path.c_str());
    return;
  }
  const int descriptor = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  TRINITY_CHECK(descriptor >= 0);
  WriteAll(descriptor, content);
  close(descriptor);
}

void WriteSafetensors(std::string_view header, ScratchFile& file) {
  std::string content;
  for (size_t i = 0; i < sizeof(uint64_t); ++i) {
    content.push_back(static_cast<char>(static_cast<uint64_t>(header.size()) >> (8 * i)));
  }
  content += header;
  file.Write(content, static_cast<int64_t>(content.size()) + StatedDataBytes(header));
}

}  // namespace trinity

#include "base/direct_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

namespace trinity {
namespace {

// Of offset, size and memory of a read past the cache: no disk has larger blocks.
constexpr int64_t kAlignment = 4096;

// As many whole blocks as there are from `offset` on, up to `num_bytes` and one that is not whole
// at the end of the file. Returns the number of bytes.
int64_t ReadBlocks(int descriptor, int64_t offset, int64_t num_bytes, std::byte* to) {
  int64_t done = 0;
  while (done < num_bytes && done % kAlignment == 0) {
    const ssize_t got =
        pread(descriptor, to + done, static_cast<size_t>(num_bytes - done), offset + done);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    done += got;
  }
  return done;
}

}  // namespace

DirectFile::DirectFile(const File& file) : file_(file) {
  // Another description of the same file, whatever has its name by now.
  const std::string path = fmt::format("/proc/self/fd/{}", file.descriptor());
  descriptor_ = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECT);
}

DirectFile::DirectFile(DirectFile&& other) noexcept
    : file_(other.file_), descriptor_(std::exchange(other.descriptor_, -1)) {}

DirectFile::~DirectFile() {
  if (descriptor_ >= 0) close(descriptor_);
}

std::span<std::byte> DirectFile::ReadAt(int64_t offset, int64_t num_bytes,
                                        MemoryBlock& buffer) const {
  const int64_t first = offset / kAlignment * kAlignment;
  const int64_t end = (offset + num_bytes + kAlignment - 1) / kAlignment * kAlignment;
  if (buffer.num_bytes() < end - first) buffer = MemoryBlock(end - first);
  const std::span<std::byte> bytes(buffer.data() + (offset - first),
                                   static_cast<size_t>(num_bytes));
  const int64_t got =
      descriptor_ < 0 ? 0 : ReadBlocks(descriptor_, first, end - first, buffer.data());
  if (first + got < offset + num_bytes) {
    // It cannot be read so, or not at all: this tells.
    file_.ReadAt(offset, bytes);
    file_.DropCache(offset, num_bytes);
  }
  return bytes;
}

}  // namespace trinity

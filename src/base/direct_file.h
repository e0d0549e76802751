#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/file.h"
#include "base/memory_block.h"

namespace trinity {

// Reads a file without leaving a copy of it in the system's page cache: for what is kept in memory
// of our own. Past the cache (O_DIRECT) where the file system can do so, which takes a fraction of
// the time; else through it and out of it again. Thread-safe.
class DirectFile {
 public:
  explicit DirectFile(const File& file);  // which must outlive it
  DirectFile(DirectFile&& other) noexcept;
  DirectFile& operator=(DirectFile&& other) = delete;
  ~DirectFile();

  // Reads [offset, offset + num_bytes) into `buffer`, which grows as it is needed, and returns
  // where in it the bytes stand. Throws StorageError as File::ReadAt does.
  std::span<std::byte> ReadAt(int64_t offset, int64_t num_bytes, MemoryBlock& buffer) const;

 private:
  const File& file_;
  int descriptor_ = -1;  // where the file system can read past the cache
};

}  // namespace trinity

#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/direct_file.h"
#include "base/memory_block.h"
#include "checkpoint/checkpoint.h"
#include "model/matrix_layout.h"

namespace trinity {

// Reads units, several threads at a time, each through a buffer of its own.
class MatrixReader {
 public:
  // Whether the system may keep what was read in its page cache for a while.
  enum class PageCache { kMayKeep, kKeepsNothing };

  // The checkpoint must outlive it.
  MatrixReader(const Checkpoint& checkpoint, PageCache page_cache, int num_threads);

  // Reads and packs a unit of a layout whose memory begins at `memory`. Throws StorageError.
  void Read(const MatrixUnit& unit, int thread, std::byte* memory);

  // Gives up what the page cache has of a unit.
  void DropCache(const MatrixUnit& unit) const;

 private:
  // Bytes that were read, and which columns of their rows are wanted.
  struct Rows {
    std::span<std::byte> bytes;
    ColumnCut cols;
  };
  Rows ReadRows(const MatrixUnit& unit, MemoryBlock& buffer) const;

  const Checkpoint& checkpoint_;
  PageCache page_cache_;
  std::vector<DirectFile> direct_files_;  // of the checkpoint, where the cache keeps nothing
  std::vector<MemoryBlock> buffers_;      // by thread
};

}  // namespace trinity

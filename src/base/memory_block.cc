#include "base/memory_block.h"

#include <sys/mman.h>
#include <sys/sysinfo.h>

#include <utility>

#include "base/check.h"
#include "base/error.h"

namespace trinity {

MemoryBlock::MemoryBlock(int64_t num_bytes) : num_bytes_(num_bytes) {
  TRINITY_CHECK(num_bytes >= 0);
  if (num_bytes == 0) return;
  void* data = mmap(nullptr, static_cast<size_t>(num_bytes), PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED) Fail("out of memory: the system refused {} bytes", num_bytes);
  constexpr int64_t kHugePageBytes = 2 << 20;
  if (num_bytes >= 4 * kHugePageBytes) {
    madvise(data, static_cast<size_t>(num_bytes), MADV_HUGEPAGE);
  }
  data_ = static_cast<std::byte*>(data);
}

MemoryBlock::MemoryBlock(MemoryBlock&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), num_bytes_(std::exchange(other.num_bytes_, 0)) {}

MemoryBlock& MemoryBlock::operator=(MemoryBlock&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(num_bytes_, other.num_bytes_);
  return *this;
}

MemoryBlock::~MemoryBlock() {
  if (data_ != nullptr) munmap(data_, static_cast<size_t>(num_bytes_));
}

int64_t FreeMemoryBytes() {
  struct sysinfo info {};
  if (sysinfo(&info) != 0) return 0;
  return static_cast<int64_t>(info.freeram) * static_cast<int64_t>(info.mem_unit);
}

void Matrix::Resize(int64_t rows, int64_t cols) {
  TRINITY_CHECK(rows >= 0 && cols >= 0);
  const int64_t num_bytes = rows * cols * static_cast<int64_t>(sizeof(float));
  if (num_bytes > block_.num_bytes()) {
    block_ = MemoryBlock();
    block_ = MemoryBlock(num_bytes);
  }
  rows_ = rows;
  cols_ = cols;
}

}  // namespace trinity

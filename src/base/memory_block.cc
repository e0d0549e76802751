#include "base/memory_block.h"

#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>
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
  data_ = static_cast<std::byte*>(data);
}

MemoryBlock::MemoryBlock(MemoryBlock&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      num_bytes_(std::exchange(other.num_bytes_, 0)),
      paged_bytes_(std::exchange(other.paged_bytes_, 0)) {}

MemoryBlock& MemoryBlock::operator=(MemoryBlock&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(num_bytes_, other.num_bytes_);
  std::swap(paged_bytes_, other.paged_bytes_);
  return *this;
}

MemoryBlock::~MemoryBlock() {
  if (data_ != nullptr) munmap(data_, static_cast<size_t>(num_bytes_));
}

void MemoryBlock::PreferHugePages(int64_t end) {
  // Decided on at a time: looking up what is free costs some microseconds.
  constexpr int64_t kRunBytes = int64_t{64} << 20;
  // Left for others, and for what becomes of the free runs until ours are touched.
  constexpr int64_t kReserveBytes = 2 * kRunBytes;
  for (; paged_bytes_ < std::min(end, num_bytes_); paged_bytes_ += kRunBytes) {
    const int64_t run_bytes = std::min(kRunBytes, num_bytes_ - paged_bytes_);
    if (FreeHugePageBytes() < run_bytes + kReserveBytes) continue;
    madvise(data_ + paged_bytes_, static_cast<size_t>(run_bytes), MADV_HUGEPAGE);
  }
}

int64_t FreeHugePageBytes() {
  // A line a zone, "Node 0, zone Normal", then the number of free runs of 1, 2, 4, ... pages.
  constexpr int64_t kHugePageBytes = int64_t{2} << 20;
  const int64_t page_bytes = sysconf(_SC_PAGESIZE);
  int64_t num_bytes = 0;
  std::ifstream file("/proc/buddyinfo");
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string word;
    for (int i = 0; i < 4; ++i) words >> word;
    int64_t run_bytes = page_bytes;
    for (int64_t count = 0; words >> count; run_bytes *= 2) {
      if (run_bytes >= kHugePageBytes) num_bytes += count * run_bytes;
    }
  }
  return num_bytes;
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

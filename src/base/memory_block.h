#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace trinity {

// A zeroed block of memory straight from the system: pages are taken when first touched, so by the
// thread that fills them. Aligned to 64 bytes and more. Throws Error with the size where the system
// refuses.
class MemoryBlock {
 public:
  MemoryBlock() = default;
  explicit MemoryBlock(int64_t num_bytes);
  MemoryBlock(MemoryBlock&& other) noexcept;
  MemoryBlock& operator=(MemoryBlock&& other) noexcept;
  ~MemoryBlock();

  // Call before bytes below `end` are touched for the first time: asks for huge pages for those
  // that it has not decided on yet, as far as such pages stand free. Each is then looked up once in
  // 2 MiB instead of once in 4 KiB, which streaming weights through a virtual machine feels by a
  // third. Where none are free the system would have to make some by moving other pages about, at
  // ten times the cost of the bytes.
  void PreferHugePages(int64_t end);

  std::byte* data() const { return data_; }
  int64_t num_bytes() const { return num_bytes_; }

 private:
  std::byte* data_ = nullptr;
  int64_t num_bytes_ = 0;
  int64_t paged_bytes_ = 0;  // from the beginning: their kind of page is decided
};

// Memory that stands free in runs of at least 2 MiB, so that a huge page costs no more than its
// bytes. 0 where the system does not say.
int64_t FreeHugePageBytes();

// Memory that the system holds in reserve now, page cache not counted. 0 where it does not say.
int64_t FreeMemoryBytes();

// A block that holds floats [rows, cols], row by row. Grows when asked to, never shrinks, so that a
// hot loop that has seen its largest shape allocates nothing. Content does not survive Resize.
class Matrix {
 public:
  Matrix() = default;
  Matrix(int64_t rows, int64_t cols) { Resize(rows, cols); }

  void Resize(int64_t rows, int64_t cols);

  int64_t rows() const { return rows_; }
  int64_t cols() const { return cols_; }
  float* data() { return reinterpret_cast<float*>(block_.data()); }
  const float* data() const { return reinterpret_cast<const float*>(block_.data()); }
  // All of them, row by row.
  std::span<float> values() { return {data(), static_cast<size_t>(rows_ * cols_)}; }
  float* Row(int64_t row) { return data() + row * cols_; }
  const float* Row(int64_t row) const { return data() + row * cols_; }

 private:
  MemoryBlock block_;
  int64_t rows_ = 0;
  int64_t cols_ = 0;
};

}  // namespace trinity

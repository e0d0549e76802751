#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/file.h"

namespace trinity {

// Reads a file from its start, value after value, through one buffer. Each read says what it reads:
// where the file or `max_bytes` ends before, Error names file, place and what was being read.
class ByteReader {
 public:
  // `file` must outlive the reader.
  ByteReader(const File& file, int64_t max_bytes);

  const std::string& path() const { return file_.path(); }
  int64_t position() const { return position_; }
  int64_t remaining() const { return file_.size_bytes() - position_; }  // of the file

  // A little-endian number.
  template <typename T>
  T Number(std::string_view what) {
    static_assert(std::is_arithmetic_v<T>);
    T value;
    std::memcpy(&value, Take(sizeof value, what), sizeof value);
    return value;
  }

  // `num_bytes` bytes, whatever a hostile file states; none are taken where they are not there.
  std::string Text(uint64_t num_bytes, std::string_view what);

 private:
  const std::byte* Take(size_t num_bytes, std::string_view what);  // at most the buffer
  void Require(uint64_t num_bytes, std::string_view what) const;

  const File& file_;
  int64_t max_bytes_;
  int64_t position_ = 0;
  std::vector<std::byte> buffer_;
  std::span<const std::byte> unread_;  // of the buffer; begins at position_
};

}  // namespace trinity

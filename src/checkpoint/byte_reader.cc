#include "checkpoint/byte_reader.h"

#include <algorithm>

#include "base/error.h"

namespace trinity {
namespace {

constexpr int64_t kBufferBytes = int64_t{1} << 20;

}  // namespace

ByteReader::ByteReader(const File& file, int64_t max_bytes)
    : file_(file),
      max_bytes_(max_bytes),
      buffer_(static_cast<size_t>(std::min(kBufferBytes, file.size_bytes()))) {}

void ByteReader::Require(uint64_t num_bytes, std::string_view what) const {
  if (num_bytes > static_cast<uint64_t>(remaining())) {
    Fail("{}: {}: expected {} bytes at byte {}, the file has {} (truncated?)", file_.path(),
         Printable(what), num_bytes, position_, file_.size_bytes());
  }
  if (num_bytes > static_cast<uint64_t>(std::max<int64_t>(max_bytes_ - position_, 0))) {
    Fail("{}: {}: ends beyond byte {}, where at most {} bytes of header are accepted", file_.path(),
         Printable(what), max_bytes_, max_bytes_);
  }
}

const std::byte* ByteReader::Take(size_t num_bytes, std::string_view what) {
  Require(num_bytes, what);
  if (unread_.size() < num_bytes) {
    const auto fill = static_cast<size_t>(
        std::min(static_cast<int64_t>(buffer_.size()), file_.size_bytes() - position_));
    file_.ReadAt(position_, std::span(buffer_).first(fill));
    unread_ = std::span(buffer_).first(fill);
  }
  const std::byte* taken = unread_.data();
  unread_ = unread_.subspan(num_bytes);
  position_ += static_cast<int64_t>(num_bytes);
  return taken;
}

std::string ByteReader::Text(uint64_t num_bytes, std::string_view what) {
  Require(num_bytes, what);
  std::string text(static_cast<size_t>(num_bytes), '\0');
  if (num_bytes <= buffer_.size()) {
    std::memcpy(text.data(), Take(text.size(), what), text.size());
    return text;
  }
  file_.ReadAt(position_, std::as_writable_bytes(std::span(text)));
  position_ += static_cast<int64_t>(num_bytes);
  unread_ = {};
  return text;
}

}  // namespace trinity

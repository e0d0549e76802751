#include "engine/prefix_file.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/error.h"

namespace trinity {
namespace {

constexpr uint64_t kMaxIndexBytes = uint64_t{1} << 30;

// The numbers of a part of the file, one after the other.
class Numbers {
 public:
  Numbers(const std::string& path, std::span<const std::byte> bytes) : path_(path), bytes_(bytes) {}

  template <class T>
  T Next() {
    T value;
    Require(1, sizeof value);
    std::memcpy(&value, bytes_.data(), sizeof value);
    bytes_ = bytes_.subspan(sizeof value);
    return value;
  }
  template <class T>
  std::vector<T> Next(uint64_t count) {
    Require(count, sizeof(T));
    std::vector<T> values(count);
    if (count > 0) std::memcpy(values.data(), bytes_.data(), count * sizeof(T));
    bytes_ = bytes_.subspan(count * sizeof(T));
    return values;
  }
  bool is_empty() const { return bytes_.empty(); }

 private:
  void Require(uint64_t count, size_t size) const {
    if (count > bytes_.size() / size) {
      Fail("{}: index: expected {} numbers more of {} bytes, found {} bytes", path_, count, size,
           bytes_.size());
    }
  }

  const std::string& path_;
  std::span<const std::byte> bytes_;
};

size_t IndexOf(AttentionKind kind) { return kind == AttentionKind::kSliding ? 0 : 1; }

template <class T>
void Expect(const std::string& path, const char* what, T expected, T found) {
  if (found != expected) Fail("{}: {}: expected {}, found {}", path, what, expected, found);
}

void CheckBelow(const std::string& path, const char* what, std::span<const uint32_t> values,
                uint64_t end) {
  for (const uint32_t value : values) {
    if (value >= end) Fail("{}: {}: expected one below {}, found {}", path, what, end, value);
  }
}

}  // namespace

uint64_t PrefixChecksum(std::span<const std::byte> bytes, uint64_t before) {
  constexpr uint64_t kFactor = 0x9E3779B97F4A7C15;
  uint64_t sum = before ^ bytes.size();
  const auto add = [&](uint64_t word) { sum = std::rotl((sum ^ word) * kFactor, 29); };
  for (; bytes.size() >= sizeof(uint64_t); bytes = bytes.subspan(sizeof(uint64_t))) {
    uint64_t word;
    std::memcpy(&word, bytes.data(), sizeof word);
    add(word);
  }
  for (const std::byte byte : bytes) add(static_cast<uint64_t>(byte));
  return sum;
}

PrefixFile::PrefixFile(const std::string& path, const PrefixFileShape& shape)
    : file_(path), page_bytes_(shape.page_bytes) {
  static_assert(std::endian::native == std::endian::little);
  if (file_.size_bytes() < kHeaderBytes) {
    Fail("{}: expected at least {} bytes, found {}", path, kHeaderBytes, file_.size_bytes());
  }
  std::vector<std::byte> head(static_cast<size_t>(kHeaderBytes));
  file_.ReadAt(0, head);
  ReadHeader(shape, head);
  head.resize(static_cast<size_t>(kHeaderBytes + index_bytes_));
  file_.ReadAt(kHeaderBytes, std::span(head).subspan(static_cast<size_t>(kHeaderBytes)));
  ReadIndex(shape, std::span(head).subspan(static_cast<size_t>(kHeaderBytes)));
  uint64_t checksum = 0;
  file_.ReadAt(kHeaderBytes + index_bytes_, std::as_writable_bytes(std::span(&checksum, 1)));
  Expect(path, "checksum of the index", PrefixChecksum(head), checksum);
}

void PrefixFile::ReadHeader(const PrefixFileShape& shape, std::span<const std::byte> header) {
  const std::string& path = file_.path();
  if (std::memcmp(header.data(), kMagic.data(), kMagic.size()) != 0) {
    Fail("{}: expected a file of prefixes, which begins with {}", path, kMagic);
  }
  Numbers numbers(path, header.subspan(kMagic.size()));
  const auto next = [&] { return numbers.Next<uint64_t>(); };
  const auto unsigned_of = [](int64_t value) { return static_cast<uint64_t>(value); };
  Expect(path, "version", kVersion, next());
  Expect(path, "tokens of a page", unsigned_of(kKvPageTokens), next());
  if (next() != shape.identity) {
    Fail("{}: is of another model, another build or another way to compute", path);
  }
  Expect(path, "vocab_size", unsigned_of(shape.vocab_size), next());
  Expect(path, "sliding_window", unsigned_of(shape.window), next());
  for (const int64_t page_bytes : shape.page_bytes) {
    Expect(path, "bytes of a page", unsigned_of(page_bytes), next());
  }
  auto rest = static_cast<uint64_t>(file_.size_bytes() - kHeaderBytes);
  const auto take = [&](const char* what, uint64_t count, uint64_t bytes) {
    if (bytes > 0 && count > rest / bytes) {
      Fail("{}: {}: expected no more than the file holds, found {}", path, what, count);
    }
    rest -= count * bytes;
  };
  for (const size_t kind : {0, 1}) {
    num_pages_[kind] = next();
    // Its bytes, and its checksum in the index.
    take("pages", num_pages_[kind], unsigned_of(shape.page_bytes[kind]));
    if (num_pages_[kind] > UINT32_MAX) Fail("{}: pages: found {}", path, num_pages_[kind]);
  }
  num_states_ = next();
  // The index ends with the checksum of all before; what is left besides is the index.
  take("checksum", 1, sizeof(uint64_t));
  if (rest > kMaxIndexBytes) {
    Fail("{}: index: expected at most {} bytes, found {}", path, kMaxIndexBytes, rest);
  }
  index_bytes_ = static_cast<int64_t>(rest);
}

void PrefixFile::ReadIndex(const PrefixFileShape& shape, std::span<const std::byte> index) {
  const std::string& path = file_.path();
  Numbers numbers(path, index);
  for (uint64_t i = 0; i < num_states_; ++i) {
    const auto num_ids = numbers.Next<uint64_t>();
    const auto first_sliding = numbers.Next<uint64_t>();
    const auto num_sliding = numbers.Next<uint64_t>();
    const auto num_full = numbers.Next<uint64_t>();
    if (num_ids == 0 || num_ids > index.size()) {
      Fail("{}: state {}: tokens: expected 1 to {}, found {}", path, i, index.size(), num_ids);
    }
    const auto length = static_cast<int64_t>(num_ids);
    const auto num_pages = static_cast<uint64_t>(KvPagesFor(length));
    Expect(path, "pages of full layers", num_pages, num_full);
    // What a token that replaces the last one sees has to be there.
    const auto first_seen =
        static_cast<uint64_t>(std::max<int64_t>(0, length - shape.window) / kKvPageTokens);
    if (first_sliding > first_seen || num_sliding != num_pages - first_sliding) {
      Fail("{}: state {}: sliding pages: expected those from {} at most to {}, found {} from {}",
           path, i, first_seen, num_pages, num_sliding, first_sliding);
    }
    StoredPrefix& state = states_.emplace_back();
    state.ids = numbers.Next<int32_t>(num_ids);
    for (const int32_t id : state.ids) {
      if (id < 0 || id >= shape.vocab_size) Fail("{}: state {}: token {}", path, i, id);
    }
    state.first_sliding = static_cast<int64_t>(first_sliding);
    state.sliding_pages = numbers.Next<uint32_t>(num_sliding);
    state.full_pages = numbers.Next<uint32_t>(num_full);
    CheckBelow(path, "page of sliding layers", state.sliding_pages, num_pages_[0]);
    CheckBelow(path, "page of full layers", state.full_pages, num_pages_[1]);
  }
  for (const size_t kind : {0, 1}) checksums_[kind] = numbers.Next<uint64_t>(num_pages_[kind]);
  if (!numbers.is_empty()) Fail("{}: index: expected its end after the checksums", path);
}

void PrefixFile::ReadPage(AttentionKind kind, uint32_t place, std::span<std::byte> page) const {
  const size_t index = IndexOf(kind);
  int64_t offset = kHeaderBytes + index_bytes_ + static_cast<int64_t>(sizeof(uint64_t));
  if (index == 1) offset += static_cast<int64_t>(num_pages_[0]) * page_bytes_[0];
  file_.ReadAt(offset + static_cast<int64_t>(place) * page_bytes_[index], page);
  const uint64_t found = PrefixChecksum(page);
  if (found != checksums_[index].at(place)) {
    Fail("{}: page {}: expected the checksum {:016x}, found {:016x}", file_.path(), place,
         checksums_[index][place], found);
  }
}

}  // namespace trinity

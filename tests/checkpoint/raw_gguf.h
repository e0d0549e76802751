#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/gguf_format.h"

namespace trinity {

// The low bytes of a number, little-endian.
template <typename T>
std::string RawNumber(T value) {
  std::string bytes;
  for (size_t i = 0; i < sizeof value; ++i) {
    bytes += static_cast<char>(static_cast<uint64_t>(value) >> (8 * i));
  }
  return bytes;
}

inline std::string RawString(std::string_view text) {
  return RawNumber(uint64_t{text.size()}) + std::string(text);
}

inline std::string RawArray(GgufType type, uint64_t count, std::string_view elements) {
  return RawNumber(static_cast<uint32_t>(type)) + RawNumber(count) + std::string(elements);
}

// The bytes of a GGUF file, whatever they mean. Counts are those of what was added unless a test
// states others.
struct RawGguf {
  std::string magic = "GGUF";
  uint32_t version = 3;
  std::optional<uint64_t> num_tensors, num_keys;
  size_t alignment = 32;
  std::string data;

  RawGguf& Key(std::string_view key, uint32_t type, std::string_view value) {
    keys_ += RawString(key) + RawNumber(type) + std::string(value);
    ++keys_added_;
    return *this;
  }
  RawGguf& Key(std::string_view key, GgufType type, std::string_view value) {
    return Key(key, static_cast<uint32_t>(type), value);
  }
  // `sizes` innermost first, as in the file.
  RawGguf& Tensor(std::string_view name, const std::vector<uint64_t>& sizes, uint32_t type,
                  uint64_t offset) {
    infos_ += RawString(name) + RawNumber(static_cast<uint32_t>(sizes.size()));
    for (const uint64_t size : sizes) infos_ += RawNumber(size);
    infos_ += RawNumber(type) + RawNumber(offset);
    ++tensors_added_;
    return *this;
  }
  RawGguf& Data(size_t num_bytes) {
    data.assign(num_bytes, '\1');
    return *this;
  }

  std::string Bytes() const {
    std::string bytes = magic + RawNumber(version) +
                        RawNumber(num_tensors.value_or(tensors_added_)) +
                        RawNumber(num_keys.value_or(keys_added_)) + keys_ + infos_;
    if (!data.empty()) bytes.resize((bytes.size() + alignment - 1) / alignment * alignment);
    return bytes + data;
  }

 private:
  std::string keys_, infos_;
  uint64_t keys_added_ = 0, tensors_added_ = 0;
};

}  // namespace trinity

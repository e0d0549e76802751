#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>

#include "checkpoint/gguf_format.h"

namespace trinity {

// The metadata of a GGUF file to be written: keys with typed values, in the order in which they are
// added. A key may be added once; general.alignment is the writer's.
class GgufMetadata {
 public:
  void AddBool(std::string_view key, bool value);
  void AddU32(std::string_view key, uint32_t value);
  void AddI32(std::string_view key, int32_t value);
  void AddF32(std::string_view key, float value);
  void AddString(std::string_view key, std::string_view value);
  void AddStrings(std::string_view key, std::span<const std::string> values);
  void AddI32s(std::string_view key, std::span<const int32_t> values);

  // An entry as it stands in another file (GgufEntry): key, type and value.
  void AddEntry(std::string_view key, std::span<const std::byte> entry);

  uint64_t num_keys() const { return keys_.size(); }
  const std::string& bytes() const { return bytes_; }

 private:
  void AddKey(std::string_view key);
  void BeginValue(std::string_view key, GgufType type);
  void BeginArray(std::string_view key, GgufType element_type, size_t count);

  std::unordered_set<std::string> keys_;
  std::string bytes_;
};

// Appends in the format's byte order; a string is its length and its bytes.
void AppendGgufNumber(uint32_t value, std::string& out);
void AppendGgufNumber(uint64_t value, std::string& out);
void AppendGgufString(std::string_view text, std::string& out);

}  // namespace trinity

#include "checkpoint/gguf_metadata.h"

#include <bit>

#include "base/check.h"
#include "base/utf8.h"

namespace trinity {
namespace {

template <typename T>
void AppendLittleEndian(T value, std::string& out) {
  for (size_t i = 0; i < sizeof value; ++i) out += static_cast<char>(value >> (8 * i));
}

}  // namespace

void AppendGgufNumber(uint32_t value, std::string& out) { AppendLittleEndian(value, out); }
void AppendGgufNumber(uint64_t value, std::string& out) { AppendLittleEndian(value, out); }

void AppendGgufString(std::string_view text, std::string& out) {
  TRINITY_CHECK(IsUtf8(text));
  AppendGgufNumber(uint64_t{text.size()}, out);
  out += text;
}

void GgufMetadata::AddKey(std::string_view key) {
  TRINITY_CHECK(key != kGgufAlignmentKey && keys_.insert(std::string(key)).second);
}

void GgufMetadata::BeginValue(std::string_view key, GgufType type) {
  AddKey(key);
  AppendGgufString(key, bytes_);
  AppendGgufNumber(static_cast<uint32_t>(type), bytes_);
}

void GgufMetadata::BeginArray(std::string_view key, GgufType element_type, size_t count) {
  BeginValue(key, GgufType::kArray);
  AppendGgufNumber(static_cast<uint32_t>(element_type), bytes_);
  AppendGgufNumber(uint64_t{count}, bytes_);
}

void GgufMetadata::AddBool(std::string_view key, bool value) {
  BeginValue(key, GgufType::kBool);
  bytes_ += value ? '\1' : '\0';
}

void GgufMetadata::AddU32(std::string_view key, uint32_t value) {
  BeginValue(key, GgufType::kU32);
  AppendGgufNumber(value, bytes_);
}

void GgufMetadata::AddI32(std::string_view key, int32_t value) {
  BeginValue(key, GgufType::kI32);
  AppendGgufNumber(static_cast<uint32_t>(value), bytes_);
}

void GgufMetadata::AddF32(std::string_view key, float value) {
  BeginValue(key, GgufType::kF32);
  AppendGgufNumber(std::bit_cast<uint32_t>(value), bytes_);
}

void GgufMetadata::AddString(std::string_view key, std::string_view value) {
  BeginValue(key, GgufType::kString);
  AppendGgufString(value, bytes_);
}

void GgufMetadata::AddStrings(std::string_view key, std::span<const std::string> values) {
  BeginArray(key, GgufType::kString, values.size());
  for (const std::string& value : values) AppendGgufString(value, bytes_);
}

void GgufMetadata::AddI32s(std::string_view key, std::span<const int32_t> values) {
  BeginArray(key, GgufType::kI32, values.size());
  for (const int32_t value : values) AppendGgufNumber(static_cast<uint32_t>(value), bytes_);
}

void GgufMetadata::AddEntry(std::string_view key, std::span<const std::byte> entry) {
  AddKey(key);
  bytes_.append(reinterpret_cast<const char*>(entry.data()), entry.size());
}

}  // namespace trinity

#include "fuzz/input_parts.h"

namespace trinity {
namespace {

constexpr std::string_view kSeparator = "\n====\n";

}  // namespace

std::string_view InputText(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

std::vector<std::string_view> InputParts(const uint8_t* data, size_t size, size_t count) {
  std::string_view rest = InputText(data, size);
  std::vector<std::string_view> parts;
  while (parts.size() + 1 < count) {
    const size_t end = rest.find(kSeparator);
    parts.push_back(rest.substr(0, end));
    rest = end == rest.npos ? std::string_view() : rest.substr(end + kSeparator.size());
  }
  parts.push_back(rest);
  return parts;
}

}  // namespace trinity

#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace trinity {

// The bytes that libFuzzer gives, as text.
std::string_view InputText(const uint8_t* data, size_t size);

// An input that holds several documents: they stand one after the other with a line of nothing but
// "====" between them. Exactly `count` parts; those that are missing are empty, and what is more
// belongs to the last.
std::vector<std::string_view> InputParts(const uint8_t* data, size_t size, size_t count);

}  // namespace trinity

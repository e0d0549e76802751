#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace trinity {

// A JSON value whose objects keep the order of the file. Include <nlohmann/json.hpp> to look
// inside.
using Json = nlohmann::ordered_json;

struct JsonLimits {
  int max_depth = 64;
  size_t max_bytes = size_t{64} << 20;
};

// Parses one JSON document. Refuses, with `origin` (a file name, say) and the byte offset in the
// Error: bytes that are not UTF-8, nesting beyond max_depth, duplicate keys, NUL after the
// document, numbers that fit neither int64, uint64 nor a finite double, and anything after the
// document.
Json ParseJson(std::string_view text, std::string_view origin, const JsonLimits& limits = {});

// Reads and parses a file: ReadTextFile, then ParseJson with the path as origin.
Json LoadJson(const std::string& path, const JsonLimits& limits = {});

}  // namespace trinity

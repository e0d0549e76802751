#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace trinity {

// A JSON value whose objects keep the order of the file. Include <nlohmann/json.hpp> to look
// inside.
using Json = nlohmann::ordered_json;

struct JsonLimits {
  int max_depth = 64;
  size_t max_bytes = size_t{64} << 20;
  // In which members of a document that is an object ("" for any other document) integers that fit
  // neither int64 nor uint64 keep their digits, which LongInteger() finds. Elsewhere they are read
  // as the nearest double: every tokenizer_config.json may hold 10^30 for "no limit", and clients
  // whose numbers are doubles write such seeds.
  bool (*keeps_digits)(std::string_view member) = nullptr;
};

// Parses one JSON document. Refuses, with `origin` (a file name, say) and the byte offset in the
// Error: bytes that are not UTF-8, nesting beyond max_depth, duplicate keys, NUL after the
// document, numbers that fit neither int64, uint64 nor a finite double (see keeps_digits), and
// anything after the document.
Json ParseJson(std::string_view text, std::string_view origin, const JsonLimits& limits = {});

// The digits, and '-' before them, of an integer that kept them.
std::optional<std::string> LongInteger(const Json& value);

// Reads and parses a file: ReadTextFile, then ParseJson with the path as origin.
Json LoadJson(const std::string& path, const JsonLimits& limits = {});

}  // namespace trinity

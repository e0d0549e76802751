#pragma once

#include <array>
#include <string_view>

namespace trinity {

// The regex of a ByteLevel step with use_regex.
inline constexpr std::string_view kGpt2Regex =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

// The Split steps of the Trinity tokenizers, in their order.
//
// Isolated one after the other, these three cut digits: the first cuts a run into a head of n mod
// 510 digits and groups of 510, the second cuts n mod 3 digits off each, the third cuts the rest by
// threes. 510 is a multiple of three, so only the head of the run is uneven.
inline constexpr std::array<std::string_view, 3> kTrinityDigitRegexes = {
    R"(\p{Nd}{1,510}(?=(?>\p{Nd}{510})*(?:\P{Nd}|$))|\G\p{Nd}{510})",
    R"(\A\p{Nd}{1,2}(?=\p{Nd}{3}+\z))", R"(\A\p{Nd}{3}|\G\p{Nd}{3})"};

// Runs of scripts that put no spaces between words.
inline constexpr std::string_view kTrinityScriptRegex =
    R"((?:[\u4E00-\u9FFF\u3040-\u309F\u30A0-\u30FF\u3400-\u4DBF\uf900-\uFAFF\uFF65-\uFF9F\u2F00-)"
    R"(\u2FDF]+|[\u0E00-\u0E7F]+|[\u0E80-\u0EFF]+|[\u1780-\u17FF]+|[\u1000-\u109F\uAA60-\uAA7F)"
    R"(\uA9E0-\uA9FF]+|[\uAC00-\uD7AF\u1100-\u11FF]+))";

// Words, punctuation and white space.
inline constexpr std::string_view kTrinityWordRegex =
    R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^)"
    "\r\n"
    R"(\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[)"
    "\r\n"
    R"(]*|\s*[)"
    "\r\n"
    R"(]+|\s+(?!\S)|\s+)";

// Whether `pattern` is one of the last three, each of which takes linear time on any text: at most
// places one of its alternatives matches, and what an alternative reads in vain the next one takes.
constexpr bool IsKnownRegex(std::string_view pattern) {
  return pattern == kTrinityScriptRegex || pattern == kTrinityWordRegex || pattern == kGpt2Regex;
}

}  // namespace trinity

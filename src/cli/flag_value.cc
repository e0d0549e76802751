#include "cli/flag_value.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include "base/error.h"

namespace trinity {
namespace {

template <typename... Args>
[[noreturn]] void FailUsage(fmt::format_string<Args...> format, Args&&... args) {
  throw UsageError(fmt::format(format, std::forward<Args>(args)...));
}

// The number that all of `text` spells, if it does and fits T.
template <typename T>
std::optional<T> FindNumber(std::string_view text) {
  T value{};
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return value;
}

bool IsSeparator(char c) { return c == ',' || c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

std::string_view Trimmed(std::string_view text) {
  while (!text.empty() && IsSeparator(text.front()) && text.front() != ',') text.remove_prefix(1);
  while (!text.empty() && IsSeparator(text.back()) && text.back() != ',') text.remove_suffix(1);
  return text;
}

}  // namespace

int64_t ParseIntegerFlag(std::string_view flag, std::string_view text, int64_t lowest,
                         int64_t highest) {
  const std::optional<int64_t> value = FindNumber<int64_t>(text);
  if (value && *value >= lowest && *value <= highest) return *value;
  if (highest == std::numeric_limits<int64_t>::max()) {
    FailUsage("{}: expected an integer of at least {}, found \"{}\"", flag, lowest,
              Printable(text));
  }
  FailUsage("{}: expected an integer from {} to {}, found \"{}\"", flag, lowest, highest,
            Printable(text));
}

std::vector<int64_t> ParseIntegersFlag(std::string_view flag, std::string_view text, int64_t lowest,
                                       int64_t highest) {
  std::vector<int64_t> values;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find(',', at), text.size());
    values.push_back(ParseIntegerFlag(flag, text.substr(at, end - at), lowest, highest));
    at = end + 1;
  }
  return values;
}

uint64_t ParseSeedFlag(std::string_view flag, std::string_view text) {
  const std::optional<uint64_t> value = FindNumber<uint64_t>(text);
  if (value) return *value;
  FailUsage("{}: expected an integer from 0 to {}, found \"{}\"", flag,
            std::numeric_limits<uint64_t>::max(), Printable(text));
}

double ParseNumberFlag(std::string_view flag, std::string_view text, double lowest,
                       double highest) {
  const std::optional<double> value = FindNumber<double>(text);
  if (value && std::isfinite(*value) && *value >= lowest && *value <= highest) return *value;
  FailUsage("{}: expected a number from {} to {}, found \"{}\"", flag, lowest, highest,
            Printable(text));
}

int64_t ParseBytesFlag(std::string_view flag, std::string_view text) {
  struct Unit {
    std::string_view name;
    double bytes;
  };
  constexpr double kLargest = 1e18;
  constexpr std::array<Unit, 10> kUnits = {{{"KiB", 0x1p10},
                                            {"MiB", 0x1p20},
                                            {"GiB", 0x1p30},
                                            {"TiB", 0x1p40},
                                            {"kB", 1e3},
                                            {"KB", 1e3},
                                            {"MB", 1e6},
                                            {"GB", 1e9},
                                            {"TB", 1e12},
                                            {"", 1}}};
  const auto* const unit = std::find_if(kUnits.begin(), kUnits.end(),
                                        [text](const Unit& u) { return text.ends_with(u.name); });
  const std::string_view digits = Trimmed(text.substr(0, text.size() - unit->name.size()));
  const std::optional<double> value = FindNumber<double>(digits);
  const double bytes = value ? *value * unit->bytes : 0;
  if (bytes >= 1 && bytes <= kLargest) return static_cast<int64_t>(bytes);
  FailUsage("{}: expected bytes such as 24GiB, 24GB or 24000000000, found \"{}\"", flag,
            Printable(text));
}

std::vector<int32_t> ParseTokenIds(std::string_view origin, std::string_view text) {
  std::string_view rest = Trimmed(text);
  if (rest.size() >= 2 && rest.front() == '[' && rest.back() == ']') {
    rest = Trimmed(rest.substr(1, rest.size() - 2));
  }
  std::vector<int32_t> ids;
  while (!rest.empty()) {
    size_t length = 0;
    while (length < rest.size() && !IsSeparator(rest[length])) ++length;
    const std::string_view word = rest.substr(0, length);
    const std::optional<int32_t> id = FindNumber<int32_t>(word);
    if (!id || *id < 0) {
      FailUsage("{}: expected token ids such as 1,2,3, found \"{}\"", origin, Printable(word));
    }
    ids.push_back(*id);
    // One comma with blanks around it, or blanks alone.
    rest = Trimmed(rest.substr(length));
    if (!rest.empty() && rest.front() == ',') {
      rest = Trimmed(rest.substr(1));
      if (rest.empty()) FailUsage("{}: expected a token id after the last comma", origin);
    }
  }
  if (ids.empty()) FailUsage("{}: expected at least one token id, found none", origin);
  return ids;
}

}  // namespace trinity

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"

namespace trinity {

// Reads fields of one JSON object and refuses, by file and key, what is missing or of another kind.
// A key whose value is null counts as missing.
class ConfigReader {
 public:
  ConfigReader(const Json& object, std::string_view origin);

  bool Has(std::string_view key) const { return Find(key) != nullptr; }
  const Json* Find(std::string_view key) const;

  // An integer within [lowest, highest].
  int64_t Integer(std::string_view key, int64_t lowest, int64_t highest) const;
  std::optional<int64_t> FindInteger(std::string_view key, int64_t lowest, int64_t highest) const;
  // A finite number above 0.
  double PositiveNumber(std::string_view key) const;
  std::optional<double> FindPositiveNumber(std::string_view key) const;
  bool Boolean(std::string_view key) const;
  std::optional<bool> FindBoolean(std::string_view key) const;
  std::optional<std::string> FindString(std::string_view key) const;

  // Throws unless the key is missing or its value is `only`: other values are not implemented.
  void RequireIfPresent(std::string_view key, const Json& only) const;

  // Throws an Error that names file and key.
  [[noreturn]] void Refuse(std::string_view key, std::string_view expected,
                           const Json& found) const;
  [[noreturn]] void RefuseMissing(std::string_view key, std::string_view expected) const;

  const std::string& origin() const { return origin_; }

 private:
  const Json& object_;
  std::string origin_;
};

}  // namespace trinity

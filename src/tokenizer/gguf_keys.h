#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"

namespace trinity {

// Keys of a GGUF file's metadata that concern text. Each is checked for its kind; refusals name
// `origin` (the file) and key.
class GgufKeys {
 public:
  // `metadata` must outlive it.
  GgufKeys(const Json& metadata, std::string origin)
      : metadata_(metadata), origin_(std::move(origin)) {}

  const Json* Find(std::string_view key) const;  // null where it is missing
  std::optional<std::string> FindString(std::string_view key) const;
  std::optional<bool> FindBoolean(std::string_view key) const;
  std::optional<int32_t> FindId(std::string_view key) const;
  std::optional<double> FindNumber(std::string_view key) const;  // finite

  const Json& Array(std::string_view key) const;  // refused where it is missing

  std::string Where(std::string_view key) const;  // "model.gguf: tokenizer.ggml.tokens"
  [[noreturn]] void Refuse(std::string_view key, std::string_view expected,
                           const Json& found) const;

 private:
  const Json& metadata_;
  std::string origin_;
};

}  // namespace trinity

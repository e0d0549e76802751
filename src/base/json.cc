#include "base/json.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <unordered_set>
#include <vector>

#include "base/error.h"
#include "base/file.h"

namespace trinity {
namespace {

// The library has no integers of more bits; JSON has no binary values, which may stand for them.
constexpr uint64_t kLongInteger = 1;

// Builds the value from parser events, so that limits hold before memory is spent and a duplicate
// key is seen: the library's own callback drops the first of two without a word.
class Builder final : public nlohmann::json_sax<Json> {
 public:
  Builder(std::string_view origin, const JsonLimits& limits) : origin_(origin), limits_(limits) {}

  bool null() override { return Put(nullptr); }
  bool boolean(bool value) override { return Put(value); }
  bool number_integer(int64_t value) override { return Put(value); }
  bool number_unsigned(uint64_t value) override { return Put(value); }
  bool number_float(double value, const std::string& text) override {
    if (KeepsDigits() && text.find_first_of(".eE") == text.npos) {
      return Put(Json::binary({text.begin(), text.end()}, kLongInteger));
    }
    if (!std::isfinite(value)) Fail("{}: JSON number {} is out of range", origin_, Printable(text));
    return Put(value);
  }
  bool string(std::string& value) override { return Put(std::move(value)); }
  bool binary(Json::binary_t&) override { return false; }
  bool start_object(size_t) override { return Open(Json::object()); }
  bool end_object() override { return Close(); }
  bool start_array(size_t) override { return Open(Json::array()); }
  bool end_array() override { return Close(); }
  bool key(std::string& name) override {
    if (!open_.back().keys.insert(name).second) {
      Fail("{}: JSON object has the key \"{}\" twice", origin_, Printable(name));
    }
    open_.back().key = std::move(name);
    return true;
  }
  bool parse_error(size_t position, const std::string&,
                   const nlohmann::detail::exception& e) override {
    const std::string_view what = e.what();
    const size_t detail = what.rfind("; ");
    Fail("{}: not valid JSON at byte {}: {}", origin_, position,
         Printable(detail == what.npos ? what : what.substr(detail + 2)));
  }

  Json Take() { return std::move(root_); }

 private:
  struct Level {
    Json value;
    std::string key;
    std::unordered_set<std::string> keys;
  };

  bool KeepsDigits() const {
    if (limits_.keeps_digits == nullptr) return false;
    const bool is_object = !open_.empty() && open_.front().value.is_object();
    return limits_.keeps_digits(is_object ? std::string_view(open_.front().key) : "");
  }

  bool Put(Json value) {
    if (open_.empty()) {
      root_ = std::move(value);
    } else if (Level& parent = open_.back(); parent.value.is_array()) {
      parent.value.push_back(std::move(value));
    } else {
      // The keys were seen to differ, so the linear search of operator[] is left out.
      parent.value.get_ref<Json::object_t&>()
          .std::vector<std::pair<const std::string, Json>>::emplace_back(std::move(parent.key),
                                                                         std::move(value));
    }
    return true;
  }

  bool Open(Json container) {
    if (open_.size() >= static_cast<size_t>(limits_.max_depth)) {
      Fail("{}: JSON is nested deeper than {} levels", origin_, limits_.max_depth);
    }
    open_.push_back({std::move(container), {}, {}});
    return true;
  }

  bool Close() {
    Json value = std::move(open_.back().value);
    open_.pop_back();
    return Put(std::move(value));
  }

  std::string_view origin_;
  const JsonLimits& limits_;
  Json root_;
  std::vector<Level> open_;
};

}  // namespace

Json ParseJson(std::string_view text, std::string_view origin, const JsonLimits& limits) {
  if (text.size() > limits.max_bytes) {
    Fail("{}: JSON of {} bytes, at most {} are accepted", origin, text.size(), limits.max_bytes);
  }
  // The library takes a NUL for the end and lets pass whatever stands behind it.
  if (const size_t at = text.find('\0'); at != text.npos) {
    Fail("{}: not valid JSON at byte {}: a NUL", origin, at);
  }
  Builder builder(origin, limits);
  Json::sax_parse(text.begin(), text.end(), &builder);
  return builder.Take();
}

std::optional<std::string> LongInteger(const Json& value) {
  if (!value.is_binary() || value.get_binary().subtype() != kLongInteger) return std::nullopt;
  const Json::binary_t& digits = value.get_binary();
  return std::string(digits.begin(), digits.end());
}

Json LoadJson(const std::string& path, const JsonLimits& limits) {
  return ParseJson(ReadTextFile(path, limits.max_bytes), path, limits);
}

}  // namespace trinity

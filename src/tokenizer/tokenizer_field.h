#pragma once

#include <simdjson.h>

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace trinity {

// A value in tokenizer.json together with where it stands, which every Error names. The document
// that it belongs to must outlive it.
class TokenizerField {
 public:
  // `where`: the file, then the path of the value, "tokenizer.json: model.vocab".
  TokenizerField(simdjson::dom::element value, std::string where)
      : value_(value), where_(std::move(where)) {}

  const std::string& where() const { return where_; }

  // The member of this object with the given name. Find: none if it is absent or null.
  TokenizerField At(std::string_view key) const;
  std::optional<TokenizerField> Find(std::string_view key) const;

  // Refuses members with other names, and names that occur twice.
  void CheckKeys(std::initializer_list<std::string_view> known) const;

  std::vector<TokenizerField> Items() const;
  simdjson::dom::object Object() const;
  simdjson::dom::array Array() const;
  std::string_view String() const;
  bool Bool() const;
  int32_t Id() const;  // an integer of 0..2^31-2

  bool IsZero() const;  // the number 0
  bool BoolOf(std::string_view key, bool if_absent) const;

  [[noreturn]] void Refuse(std::string_view expected) const;

 private:
  simdjson::dom::element value_;
  std::string where_;
};

// "the string \"x\"", "a list": for messages.
std::string Describe(simdjson::dom::element value);

}  // namespace trinity

#pragma once

#include <initializer_list>
#include <string_view>
#include <vector>

#include "chat/jinja/runtime.h"
#include "chat/jinja/value.h"

namespace trinity::jinja {

enum class Keywords { kAllowed, kRefused };

// The arguments of a call matched with a function's parameters, as Python matches them: by place,
// then by name. Too many, unknown, repeated or missing ones are an Error.
class BoundArguments {
 public:
  // The first `num_required` of `names` have no default.
  BoundArguments(Runtime& runtime, std::string_view function, const CallArguments& arguments,
                 std::initializer_list<std::string_view> names, size_t num_required,
                 Keywords keywords = Keywords::kAllowed);

  bool Has(size_t index) const { return !values_[index].IsMissing(); }
  const Value& operator[](size_t index) const { return values_[index]; }
  // The argument, or `absent` where it was not given.
  Value Or(size_t index, const Value& absent) const { return Has(index) ? values_[index] : absent; }

  // Of a type, or an Error that names the function.
  Int Integer(size_t index) const;
  Int IntegerOr(size_t index, Int absent) const { return Has(index) ? Integer(index) : absent; }
  const Value& String(size_t index) const;
  bool TruthOr(size_t index, bool absent) const;

 private:
  Runtime& runtime_;
  std::string_view function_;
  std::vector<Value> values_;
};

}  // namespace trinity::jinja

#include "chat/jinja/bound_arguments.h"

#include <algorithm>

#include "chat/jinja/operators.h"

namespace trinity::jinja {

BoundArguments::BoundArguments(Runtime& runtime, std::string_view function,
                               const CallArguments& arguments,
                               std::initializer_list<std::string_view> names, size_t num_required,
                               Keywords keywords)
    : runtime_(runtime), function_(function), values_(names.size()) {
  if (arguments.positional.size() > names.size()) {
    runtime.Fail("{}() takes at most {} arguments, found {}", function, names.size(),
                 arguments.positional.size());
  }
  std::copy(arguments.positional.begin(), arguments.positional.end(), values_.begin());
  for (const auto& [name, value] : arguments.keywords) {
    const auto* found = std::find(names.begin(), names.end(), name);
    if (keywords == Keywords::kRefused || found == names.end()) {
      runtime.Fail("{}() takes no keyword argument '{}'", function, name);
    }
    Value& place = values_[static_cast<size_t>(found - names.begin())];
    if (!place.IsMissing()) runtime.Fail("{}() got the argument '{}' twice", function, name);
    place = value;
  }
  for (size_t i = 0; i < num_required; ++i) {
    if (!Has(i)) runtime.Fail("{}() misses the argument '{}'", function, *(names.begin() + i));
  }
}

Int BoundArguments::Integer(size_t index) const {
  const Value& value = values_[index];
  if (value.IsUndefined()) FailUndefined(runtime_, value);
  if (!value.IsIntegral()) {
    runtime_.Fail("{}() expects an integer, found {}", function_, TypeName(value));
  }
  return value.AsInt();
}

const Value& BoundArguments::String(size_t index) const {
  const Value& value = values_[index];
  if (value.IsUndefined()) FailUndefined(runtime_, value);
  if (!value.IsString()) {
    runtime_.Fail("{}() expects a string, found {}", function_, TypeName(value));
  }
  return value;
}

bool BoundArguments::TruthOr(size_t index, bool absent) const {
  return Has(index) ? Truth(runtime_, values_[index]) : absent;
}

}  // namespace trinity::jinja

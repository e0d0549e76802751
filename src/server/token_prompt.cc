#include "server/token_prompt.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "server/api_error.h"

namespace trinity {
namespace {

std::vector<int32_t> ReadIds(const char* field, const Json& array, const ServedModel& model) {
  std::vector<int32_t> ids;
  ids.reserve(array.size());
  for (const Json& element : array) {
    if (!element.is_number_integer()) {
      RefuseField(field, fmt::format("[{}]: expected a token id, found {}", ids.size(),
                                     FoundText(element)));
    }
    // A number of 2^63 and above becomes a negative one here, and is refused with them.
    const auto id = element.get<int64_t>();
    if (id < 0 || id >= model.num_tokens) {
      RefuseField(field, fmt::format("[{}]: expected a token id of 0 to {}, found {}", ids.size(),
                                     model.num_tokens - 1, element.dump()));
    }
    ids.push_back(static_cast<int32_t>(id));
  }
  return ids;
}

std::vector<int32_t> ReadOne(const char* field, const Json& value, const ServedModel& model,
                             SpecialTokens special) {
  std::vector<int32_t> ids;
  if (value.is_string()) {
    ids = model.tokenizer.Encode(value.get_ref<const std::string&>(), special);
  } else if (value.is_array()) {
    ids = ReadIds(field, value, model);
  } else {
    RefuseField(field, fmt::format("expected a string, token ids, or an array of either, found {}",
                                   FoundText(value)));
  }
  if (ids.empty()) RefuseField(field, "expected at least one token, found none");
  return ids;
}

}  // namespace

std::vector<std::vector<int32_t>> ReadTokenPrompts(const char* field, const Json& value,
                                                   const ServedModel& model, SpecialTokens special,
                                                   int64_t max_prompts) {
  if (!value.is_array() || (!value.empty() && value[0].is_number())) {
    return {ReadOne(field, value, model, special)};
  }
  if (value.empty()) RefuseField(field, "expected at least one prompt, found none");
  if (static_cast<int64_t>(value.size()) > max_prompts) {
    RefuseField(field,
                fmt::format("expected at most {} prompts, found {}", max_prompts, value.size()));
  }
  std::vector<std::vector<int32_t>> prompts;
  for (const Json& element : value) prompts.push_back(ReadOne(field, element, model, special));
  return prompts;
}

}  // namespace trinity

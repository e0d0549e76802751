#include "checkpoint/json_document.h"

#include "base/error.h"

namespace trinity {
namespace {

constexpr size_t kMaxDepth = 64;

}  // namespace

JsonDocument::JsonDocument(std::string text, const std::string& origin) {
  const size_t num_bytes = text.size();
  text.resize(num_bytes + simdjson::SIMDJSON_PADDING);
  simdjson::error_code error = parser_.allocate(num_bytes, kMaxDepth);
  simdjson::dom::element root;
  if (!error) error = parser_.parse(text.data(), num_bytes, /*realloc_if_needed=*/false).get(root);
  if (error == simdjson::DEPTH_ERROR) {
    Fail("{}: JSON is nested deeper than {} levels", origin, kMaxDepth);
  }
  if (error) Fail("{}: not valid JSON: {}", origin, simdjson::error_message(error));
  if (root.get(root_)) Fail("{}: expected a JSON object, found {}", origin, KindOf(root));
}

const char* KindOf(simdjson::dom::element element) {
  switch (element.type()) {
    case simdjson::dom::element_type::ARRAY:
      return "an array";
    case simdjson::dom::element_type::OBJECT:
      return "an object";
    case simdjson::dom::element_type::STRING:
      return "a string";
    case simdjson::dom::element_type::BOOL:
      return "a truth value";
    case simdjson::dom::element_type::NULL_VALUE:
      return "null";
    case simdjson::dom::element_type::DOUBLE:
      return "a number with a fraction or exponent";
    default:
      return "an integer";
  }
}

}  // namespace trinity

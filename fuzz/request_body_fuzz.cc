// server/request_body.h: any bytes are a body whose fields have their types, or a refusal.

#include <nlohmann/json.hpp>

#include "fuzz/refusal.h"
#include "server/request_body.h"

namespace trinity {
namespace {

void ReadAll(const RequestBody& body, std::span<const RequestField> fields) {
  for (const RequestField& field : fields) {
    if (field.use != FieldUse::kUsed) continue;
    switch (field.type) {
      case FieldType::kBoolean:
        body.FindBoolean(field.name);
        break;
      case FieldType::kInteger:
        body.FindInteger(field.name);
        break;
      case FieldType::kSeed:
        body.FindSeed(field.name);
        break;
      case FieldType::kNumber:
        body.FindNumber(field.name);
        break;
      case FieldType::kText:
        body.FindText(field.name);
        break;
      case FieldType::kTextOrTexts:
        body.TextsAt(field.name);
        break;
      case FieldType::kIntegers:
        body.IntegersAt(field.name);
        break;
      default:
        body.Find(field.name);
        break;
    }
  }
}

}  // namespace
}  // namespace trinity

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using trinity::RequestBody;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const auto fields : {trinity::ChatCompletionFields(), trinity::CompletionFields(),
                            trinity::TokenizeFields(), trinity::DetokenizeFields()}) {
    for (const auto unknown : {RequestBody::Unknown::kAccept, RequestBody::Unknown::kRefuse}) {
      trinity::Accepts(
          [&] { trinity::ReadAll(RequestBody::Parse(text, fields, unknown), fields); });
    }
  }
  return 0;
}

#include "server/server_options.h"

namespace trinity {

std::vector<RequestField> ServerOptions::Limited(std::span<const RequestField> fields) const {
  std::vector<RequestField> limited(fields.begin(), fields.end());
  for (RequestField& field : limited) {
    switch (field.limit) {
      case FieldLimit::kNone:
        break;
      case FieldLimit::kAnswers:
        field.highest = static_cast<double>(max_answers);
        break;
      case FieldLimit::kPrompts:
        field.highest = static_cast<double>(max_prompts);
        break;
      case FieldLimit::kLogprobs:
        field.highest = static_cast<double>(max_logprobs);
        break;
      case FieldLimit::kStops:
        field.highest = static_cast<double>(max_stops);
        break;
    }
  }
  return limited;
}

}  // namespace trinity

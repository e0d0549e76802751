#include "server/text_routes.h"

#include <nlohmann/json.hpp>

#include "base/utf8.h"
#include "server/chat_prompt.h"
#include "server/logprobs_json.h"
#include "tokenizer/user_text.h"

namespace trinity {
namespace {

void ExpectOneOf(const RequestBody& body, const char* first, const char* second) {
  if (body.Find(first) == nullptr || body.Find(second) == nullptr) return;
  RefuseField(second, fmt::format("expected none beside {}", first));
}

std::vector<int32_t> EncodeText(const RequestBody& body, const ServedModel& model) {
  std::optional<std::string> text = body.FindText("content");
  if (!text) text = body.FindText("prompt");
  if (!text) {
    throw ApiError(400, "content: expected a string, found none", "content",
                   "missing_required_parameter");
  }
  const bool adds_special = body.FindBoolean("add_special").value_or(false);
  return model.tokenizer.Encode(*text,
                                adds_special ? SpecialTokens::kAdd : SpecialTokens::kLeaveOut);
}

}  // namespace

void AnswerTokenize(ApiCall& call) {
  const RequestBody body = call.ReadBody(TokenizeFields());
  ExpectOneOf(body, "content", "prompt");
  ExpectOneOf(body, "content", "messages");
  ExpectOneOf(body, "prompt", "messages");
  const std::vector<int32_t> ids = body.Find("messages") != nullptr
                                       ? EncodeChatPrompt(body, call.model).ids
                                       : EncodeText(body, call.model);
  Json json;
  json["tokens"] = Json::array();
  const bool has_pieces = body.FindBoolean("with_pieces").value_or(false);
  for (const int32_t id : ids) {
    if (has_pieces) {
      json["tokens"].push_back({{"id", id}, {"piece", TokenText(call.model.tokenizer, id)}});
    } else {
      json["tokens"].push_back(id);
    }
  }
  json["count"] = ids.size();
  json["max_model_len"] = call.model.max_context;
  call.RespondJson(json);
}

void AnswerDetokenize(ApiCall& call) {
  const RequestBody body = call.ReadBody(DetokenizeFields());
  std::vector<int32_t> ids;
  for (const int64_t id : body.IntegersAt("tokens")) {
    if (id < 0 || id >= call.model.num_tokens) {
      const Json& found = (*body.Find("tokens"))[ids.size()];
      RefuseField("tokens", fmt::format("[{}]: expected a token id of 0 to {}, found {}",
                                        ids.size(), call.model.num_tokens - 1, found.dump()));
    }
    ids.push_back(static_cast<int32_t>(id));
  }
  const bool skips = body.FindBoolean("skip_special_tokens").value_or(false);
  const std::string text =
      call.model.tokenizer.Decode(ids, skips ? DecodeSpecial::kSkip : DecodeSpecial::kKeep);
  call.RespondJson({{"content", text}, {"prompt", text}});
}

void AnswerApplyTemplate(ApiCall& call) {
  const RequestBody body = call.ReadBody(ApplyTemplateFields());
  call.RespondJson({{"prompt", UserText::WithoutMarks(RenderChatPrompt(body, call.model))}});
}

}  // namespace trinity

#include "server/embedding_route.h"

#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <mutex>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/json_text.h"
#include "server/event_collector.h"
#include "server/token_prompt.h"

namespace trinity {
namespace {

void ScaleToLengthOne(std::vector<float>& values) {
  double sum = 0;
  for (const float value : values) sum += static_cast<double>(value) * value;
  if (sum <= 0) return;
  const double scale = 1 / std::sqrt(sum);
  for (float& value : values) value = static_cast<float>(value * scale);
}

// RFC 4648 of the values as little-endian binary32.
std::string Base64(const std::vector<float>& values) {
  static_assert(std::endian::native == std::endian::little);
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::vector<unsigned char> bytes(values.size() * sizeof(float));
  std::memcpy(bytes.data(), values.data(), bytes.size());
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t count = std::min<size_t>(3, bytes.size() - i);
    uint32_t group = 0;
    for (size_t j = 0; j < 3; ++j) group = group << 8 | (j < count ? bytes[i + j] : 0);
    for (size_t j = 0; j < 4; ++j) {
      text += j <= count ? kDigits[group >> (18 - 6 * j) & 63] : '=';
    }
  }
  return text;
}

// The inputs of one request on their way through the engine.
class EmbeddingReply : public std::enable_shared_from_this<EmbeddingReply> {
 public:
  EmbeddingReply(const ApiCall& call, std::string model_name, bool is_base64, size_t num_inputs)
      : call_(call),
        model_name_(std::move(model_name)),
        is_base64_(is_base64),
        means_(num_inputs),
        num_open_(num_inputs) {}

  void Start(std::vector<EngineRequest> requests) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto collector = std::make_shared<EventCollector>(
        call_.deliveries, [self = shared_from_this()](const std::vector<EngineEvent>& events) {
          self->Take(events);
        });
    try {
      for (size_t i = 0; i < requests.size(); ++i) {
        ids_.push_back(call_.engine.Submit(std::move(requests[i]),
                                           collector->ListenerOf(static_cast<int64_t>(i))));
      }
    } catch (...) {
      Fail(CurrentApiError("input"));
      return;
    }
    call_.exchange->OnDisconnect([&engine = call_.engine, ids = ids_] {
      for (const RequestId id : ids) engine.Cancel(id);
    });
  }

 private:
  void Take(const std::vector<EngineEvent>& events) {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (const EngineEvent& event : events) {
      if (is_over_) return;
      if (const auto* mean = std::get_if<std::vector<float>>(&event.what)) {
        means_[static_cast<size_t>(event.prompt_index)] = *mean;
      } else if (const auto* usage = std::get_if<RequestUsage>(&event.what)) {
        num_tokens_ += usage->num_prompt_tokens;
        if (--num_open_ == 0) Finish();
      } else if (const auto* failure = std::get_if<FailureEvent>(&event.what)) {
        Fail(ApiErrorOf(*failure));
      }
    }
  }

  void Finish() {
    is_over_ = true;
    Json json = {{"object", "list"}, {"data", Json::array()}};
    for (size_t i = 0; i < means_.size(); ++i) {
      ScaleToLengthOne(means_[i]);
      json["data"].push_back(
          {{"object", "embedding"},
           {"index", i},
           {"embedding", is_base64_ ? Json(Base64(means_[i])) : Json(means_[i])}});
    }
    json["model"] = model_name_;
    json["usage"] = {{"prompt_tokens", num_tokens_}, {"total_tokens", num_tokens_}};
    call_.record->Update([&](RequestRecord::Facts& facts) {
      facts.finish = "stop";
      facts.usage.num_prompt_tokens = num_tokens_;
    });
    call_.RespondJson(json);
  }

  void Fail(const ApiError& error) {
    is_over_ = true;
    call_.RespondError(error);
    for (const RequestId id : ids_) call_.engine.Cancel(id);
  }

  ApiCall call_;
  std::string model_name_;
  bool is_base64_;

  std::mutex mutex_;  // guards what follows
  std::vector<RequestId> ids_;
  std::vector<std::vector<float>> means_;  // [hidden_size], by input
  size_t num_open_;
  int64_t num_tokens_ = 0;
  bool is_over_ = false;
};

}  // namespace

void AnswerEmbedding(ApiCall& call) {
  const RequestBody body = call.ReadBody(EmbeddingFields());
  const std::string format = body.FindText("encoding_format").value_or("float");
  if (format != "float" && format != "base64") {
    RefuseField("encoding_format",
                fmt::format("expected float or base64, found \"{}\"", Printable(format)));
  }
  std::vector<std::vector<int32_t>> inputs = ReadTokenPrompts(
      "input", *body.Find("input"), call.model, SpecialTokens::kAdd, call.options.max_prompts);
  std::vector<EngineRequest> requests(inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    requests[i].text.tokens.prompt_ids = std::move(inputs[i]);
    requests[i].text.tokens.num_tokens = call.model.num_tokens;
    requests[i].text.tokens.max_tokens = 0;
    requests[i].wants_embedding = true;
    requests[i].deadline = call.deadline;
  }
  const size_t num_inputs = requests.size();
  std::make_shared<EmbeddingReply>(call, call.ModelName(body), format == "base64", num_inputs)
      ->Start(std::move(requests));
}

}  // namespace trinity

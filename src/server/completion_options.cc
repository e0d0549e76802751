#include "server/completion_options.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <random>

#include "server/api_error.h"

namespace trinity {
namespace {

template <class T, class U>
void Override(T& value, const std::optional<U>& given) {
  if (given) value = static_cast<T>(*given);
}

// `id` is what `found` says, or the nearest number of 64 bits.
int32_t ToTokenId(const char* field, int64_t id, const Json& found, const ServedModel& model) {
  if (id < 0 || id >= model.num_tokens) {
    RefuseField(field, fmt::format("expected token ids of 0 to {}, found {}", model.num_tokens - 1,
                                   FoundText(found)));
  }
  return static_cast<int32_t>(id);
}

std::vector<LogitBias> ReadLogitBias(const Json& object, const ServedModel& model) {
  constexpr const char* kField = "logit_bias";
  constexpr size_t kMostDigits = 10;
  std::vector<LogitBias> biases;
  for (const auto& [key, value] : object.items()) {
    if (key.empty() || key.size() > kMostDigits ||
        key.find_first_not_of("0123456789") != key.npos) {
      RefuseField(kField, fmt::format("expected token ids, found \"{}\"", Printable(key)));
    }
    if (!value.is_number() || value.get<double>() < -100 || value.get<double>() > 100) {
      RefuseField(kField, fmt::format("of token {}: expected -100 to 100, found {}", key,
                                      FoundText(value)));
    }
    biases.push_back({ToTokenId(kField, std::stoll(key), key, model), value.get<double>()});
  }
  return biases;
}

uint64_t NewSeed() {
  std::random_device source;
  return (uint64_t{source()} << 32) | source();
}

// Messages begin with the name of the option, which is that of the field.
void CheckSampling(const SamplingOptions& sampling, int64_t num_tokens) {
  try {
    ValidateSampling(sampling, num_tokens);
  } catch (const Error& error) {
    const std::string_view message = error.what();
    throw ApiError(400, error.what(), std::string(message.substr(0, message.find(':'))));
  }
}

void ReadSampling(const RequestBody& body, const ServedModel& model, SamplingOptions& sampling) {
  sampling = model.sampling_defaults;
  Override(sampling.temperature, body.FindNumber("temperature"));
  Override(sampling.top_p, body.FindNumber("top_p"));
  if (const auto top_k = body.FindInteger("top_k")) sampling.top_k = std::max<int64_t>(*top_k, 0);
  Override(sampling.min_p, body.FindNumber("min_p"));
  Override(sampling.typical_p, body.FindNumber("typical_p"));
  if (const auto sigma = body.FindNumber("top_n_sigma")) {
    sampling.top_n_sigma = std::max(*sigma, 0.0);
  }
  Override(sampling.xtc_probability, body.FindNumber("xtc_probability"));
  Override(sampling.xtc_threshold, body.FindNumber("xtc_threshold"));
  Override(sampling.repetition_penalty, body.FindNumber("repetition_penalty"));
  Override(sampling.presence_penalty, body.FindNumber("presence_penalty"));
  Override(sampling.frequency_penalty, body.FindNumber("frequency_penalty"));
  Override(sampling.min_tokens, body.FindInteger("min_tokens"));
  if (const Json* bias = body.Find("logit_bias")) {
    sampling.logit_bias = ReadLogitBias(*bias, model);
  }
  const std::optional<uint64_t> seed = body.FindSeed("seed");
  sampling.seed = seed ? *seed : NewSeed();
  CheckSampling(sampling, model.num_tokens);
}

void ReadStops(const RequestBody& body, const ServedModel& model, const ServerOptions& options,
               TextGenerationRequest& text) {
  text.stop_strings = body.TextsAt("stop");
  int64_t num_bytes = 0;
  for (const std::string& stop : text.stop_strings) {
    if (stop.empty()) RefuseField("stop", "expected strings that are not empty");
    num_bytes += static_cast<int64_t>(stop.size());
  }
  if (num_bytes > options.max_stop_bytes) {
    RefuseField("stop", fmt::format("expected at most {} bytes, found {}", options.max_stop_bytes,
                                    num_bytes));
  }
  if (!body.FindBoolean("ignore_eos").value_or(false)) text.tokens.stop_ids = model.stop_ids;
  const std::vector<int64_t> ids = body.IntegersAt("stop_token_ids");
  for (size_t i = 0; i < ids.size(); ++i) {
    const Json& found = (*body.Find("stop_token_ids"))[i];
    text.tokens.stop_ids.push_back(ToTokenId("stop_token_ids", ids[i], found, model));
  }
}

void ReadStreaming(const RequestBody& body, CompletionOptions& read) {
  read.streams = body.FindBoolean("stream").value_or(false);
  const Json* options = body.Find("stream_options");
  if (options == nullptr) return;
  if (!read.streams) RefuseField("stream_options", "expected only with stream");
  for (const auto& [key, value] : options->items()) {
    if (key == "include_usage" && value.is_boolean()) {
      read.includes_usage = value.get<bool>();
    } else if (key != "include_obfuscation" || value == true) {
      // Obfuscation pads events against those who watch their sizes.
      RefuseField(
          "stream_options",
          fmt::format("expected include_usage with true or false, found {}", Printable(key)));
    }
  }
}

}  // namespace

CompletionOptions ReadCompletionOptions(const RequestBody& body, const ServedModel& model,
                                        const ServerOptions& options) {
  CompletionOptions read;
  EngineRequest& request = read.request;
  request.text.tokens.num_tokens = model.num_tokens;
  ReadSampling(body, model, request.text.tokens.sampling);
  ReadStops(body, model, options, request.text);
  ReadStreaming(body, read);
  if (!body.FindBoolean("skip_special_tokens").value_or(true)) {
    request.text.special = DecodeSpecial::kKeep;
  }
  Override(request.num_answers, body.FindInteger("n"));
  Override(request.priority, body.FindInteger("priority"));
  request.num_prompt_logprobs = body.FindInteger("prompt_logprobs");
  if (request.num_prompt_logprobs && read.streams) {
    RefuseField("prompt_logprobs", "expected without stream");
  }
  read.returns_token_ids = body.FindBoolean("return_token_ids").value_or(false);
  return read;
}

}  // namespace trinity

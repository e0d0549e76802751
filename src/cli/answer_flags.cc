#include "cli/answer_flags.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "cli/amount_text.h"
#include "cli/memory_check.h"
#include "cli/standard_output.h"

namespace trinity {

void AnswerFlags::AddTo(CommandLine& line) {
  line.AddText("--system", system, "TEXT", "The system message, before all others");
  line.AddFlag("--think", thinks, "Let the model reason first (enable_thinking of its template)");
  line.AddFlag("--no-think", thinks_not, "Let it answer at once");
  AddSettingsTo(line);
  line.AddInteger("-c,--context,--ctx-size", context, {1},
                  "Tokens of prompt and answer at most; default and upper limit: "
                  "max_position_embeddings of the model");
  line.AddInteger(
      "--prefill-chunk", prefill_chunk, {1, 1 << 20},
      "Tokens of the prompt that are computed at once; default 512. The answer does not "
      "depend on it");
  model.AddTo(line);
  model.AddLoadingTo(line, "auto");
  model.AddKvTypeTo(line);
}

void AnswerFlags::AddSettingsTo(CommandLine& line) {
  line.AddInteger("-n,--max-tokens,--n-predict", max_tokens, {1},
                  "Tokens to generate at most; default: max_new_tokens of generation_config.json, "
                  "else as many as the context holds");
  line.AddTexts("--stop,-r,--reverse-prompt", stops, "TEXT",
                "End the answer before this text; may be given several times");
  sampling.AddTo(line);
}

SessionOptions AnswerFlags::SessionOptionsFor(const LanguageModel& language_model) const {
  const int64_t longest = language_model.config.max_position_embeddings;
  if (context && *context > longest) {
    throw UsageError(
        fmt::format("--context: expected at most {}, the max_position_embeddings of "
                    "this model, found {}",
                    longest, *context));
  }
  SessionOptions options;
  options.max_context = context.value_or(longest);
  options.prefill_chunk = prefill_chunk.value_or(options.prefill_chunk);
  return options;
}

RunShape AnswerFlags::ShapeFor(const GenerationRequest& request,
                               const SessionOptions& session) const {
  constexpr int64_t kSomeTokens = 512;
  RunShape shape;
  shape.prefill_chunk = session.prefill_chunk;
  const auto num_ids = static_cast<int64_t>(request.prompt_ids.size());
  const int64_t rest = session.max_context.value() - num_ids;
  shape.context =
      num_ids + (context ? rest : std::min(rest, request.max_tokens.value_or(kSomeTokens)));
  return shape;
}

void AnswerFlags::LimitContext(const LanguageModel& language_model, const RunShape& asked,
                               SessionOptions& session) const {
  if (context) return;
  const int64_t longest = session.max_context.value();
  const int64_t fitting = FittingContext(language_model.checkpoint, model, asked, longest);
  if (fitting >= longest || fitting < asked.context) return;
  session.max_context = fitting;
  WriteNotice(fmt::format("[memory holds a context of {} tokens of the {} that the model has]\n",
                          DigitGroups(fitting), DigitGroups(longest)));
}

TextGenerationRequest AnswerFlags::RequestFor(const LanguageModel& language_model,
                                              const ChosenSampling& chosen) const {
  TextGenerationRequest request;
  request.stop_strings = stops;
  request.tokens.max_tokens =
      max_tokens ? max_tokens : language_model.generation_config.max_new_tokens;
  request.tokens.stop_ids = language_model.stop_ids;
  request.tokens.num_tokens = language_model.num_tokens;
  request.tokens.sampling = chosen.options;
  return request;
}

Json AnswerFlags::TemplateKwargs() const {
  if (thinks && thinks_not) {
    throw UsageError("--think and --no-think: expected one of them, found both");
  }
  Json kwargs = Json::object();
  if (thinks || thinks_not) kwargs["enable_thinking"] = thinks;
  return kwargs;
}

void AnswerFlags::SayWhatIsIdle(const PromptFormat& format) const {
  if (format.is_assumed()) {
    WriteNotice(
        "[the model brings no chat template: ChatML is assumed, as its tokenizer has its "
        "tokens]\n");
  }
  if ((thinks || thinks_not) && !format.Reads("enable_thinking")) {
    WriteNotice(
        fmt::format("[the chat template has no variable enable_thinking: {} changes "
                    "nothing]\n",
                    thinks ? "--think" : "--no-think"));
  }
}

void AnswerFlags::SayWhatIsIdle(const ChosenSampling& chosen) const {
  const std::vector<std::string> idle = sampling.IdleFlags(chosen);
  if (idle.empty()) return;
  WriteNotice(fmt::format("[temperature 0 always takes the most likely token: {} {} nothing]\n",
                          fmt::join(idle, ", "), idle.size() == 1 ? "changes" : "change"));
}

}  // namespace trinity

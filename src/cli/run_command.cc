#include "cli/run_command.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>

#include "base/cancel_token.h"
#include "base/error.h"
#include "base/json_text.h"
#include "base/utf8.h"
#include "chat/shielded_messages.h"
#include "cli/amount_text.h"
#include "cli/answer_flags.h"
#include "cli/cancel_on_interrupt.h"
#include "cli/chat_loop.h"
#include "cli/communication_text.h"
#include "cli/expert_traffic_text.h"
#include "cli/language_model.h"
#include "cli/loaded_model.h"
#include "cli/logprob_text.h"
#include "cli/peak_memory.h"
#include "cli/prompt_source.h"
#include "cli/standard_output.h"
#include "generate/stop_matcher.h"
#include "generate/text_generation.h"
#include "kernels/simd_target.h"
#include "tokenizer/user_text.h"

namespace trinity {
namespace {

constexpr const char* kFooter =
    R"(The prompt is put into the chat format of the model, as a user's message. The answer goes to
stdout as it is computed, then a newline; everything else goes to stderr. Ctrl-C ends the answer,
and what is there so far counts (exit code 130); a second one ends the program.

Examples:
  trinity run -p "What is a violin?"
  trinity run /path/to/Trinity-Nano -p "Tell me a story." -n 200 --temperature 0.8 --seed 7
  echo "The capital of France is" | trinity run --raw --json --logprobs 3
)";

struct RunOptions {
  AnswerFlags answer;
  PromptSource prompt;
  std::optional<int64_t> num_logprobs;
  bool is_raw = false;
  bool is_json = false;
  bool is_interactive = false;
  bool has_stats = false;
};

ParseOutcome ParseOptions(CommandArguments arguments, RunOptions& options) {
  CommandLine line("trinity run", "Answers a prompt", kFooter);
  line.AddPositional("MODEL", options.answer.model.positional, kModelHelp);
  options.prompt.AddTo(line);
  line.AddFlag("--raw", options.is_raw,
               "Continue the prompt as it is (after the BOS token, where the tokenizer adds one) "
               "instead of putting it into the chat format");
  options.answer.AddTo(line);
  line.AddInteger("--logprobs,--top-logprobs", options.num_logprobs, {0, 1000},
                  "Tell for each token of the answer its log probability in the model's own "
                  "distribution, and the N most likely tokens in its place; not for tokens that "
                  "a stop string cut off");
  line.AddFlag("-i,--interactive", options.is_interactive,
               "Go on as trinity chat after the answer; without -p and -f at once");
  line.AddFlag("--stats", options.has_stats,
               "Tell afterwards what loading and memory took, and under several ranks the time, "
               "bytes and calls of their communication");
  line.AddFlag("--json", options.is_json,
               "Print one JSON object: text, token_ids, prompt_tokens, completion_tokens, "
               "finish_reason (stop, length or cancelled), stop_string (its tokens are among "
               "token_ids and completion_tokens: they were computed), logprobs, sampling with "
               "sources, timings, experts (where they stay in the files: hit_rate, "
               "bytes_read_per_token and more), communication (of rank 0 of several, by "
               "operation: calls, bytes, seconds), peak_memory_bytes");
  return line.Parse(arguments);
}

void CheckOptions(const RunOptions& options) {
  const AnswerFlags& answer = options.answer;
  if (options.is_raw && (answer.system || answer.thinks || answer.thinks_not)) {
    throw UsageError("--raw: there is no chat format for --system, --think or --no-think");
  }
  const bool is_for_one_answer =
      options.is_raw || options.is_json || options.num_logprobs || options.has_stats;
  if (options.is_interactive && is_for_one_answer) {
    throw UsageError(
        "--interactive: expected none of --raw, --json, --logprobs and --stats beside it");
  }
}

double PerSecond(int64_t count, double seconds) {
  return seconds > 0 ? static_cast<double>(count) / seconds : 0;
}

// A prompt on its way to an answer.
class Run {
 public:
  explicit Run(const RunOptions& options)
      : options_(options),
        prompt_text_(options.prompt.Read()),
        model_(LanguageModel::Open(options.answer.model.path())) {}

  int Execute() {
    PrepareRequest();
    const RunShape asked = options_.answer.ShapeFor(request_.tokens, session_options_);
    options_.answer.LimitContext(model_, asked, session_options_);
    loaded_ = LoadModel(model_.checkpoint, options_.answer.model, asked);
    KvPools pools(loaded_.model->kv_shape(), options_.answer.model.kv_dtype());
    Session session(*loaded_.model, pools, session_options_);
    CancelToken cancel;
    const CancelOnInterrupt cancel_on_interrupt(cancel);
    const auto show = [this](std::string_view text) {
      if (!options_.is_json) WriteOutput(text);
    };
    result_ = GenerateText(session, model_.tokenizer, request_, show, cancel);
    if (options_.is_json) {
      WriteOutput(JsonText(ToJson()) + "\n");
    } else {
      WriteOutput("\n");
      WriteNotice(Summary());
    }
    return tokens().finish_reason == FinishReason::kCancelled ? kInterruptedExitCode : 0;
  }

 private:
  void PrepareRequest() {
    const AnswerFlags& flags = options_.answer;
    chosen_ = flags.sampling.Choose(model_.sampling_defaults, model_.tokenizer, model_.num_tokens);
    flags.SayWhatIsIdle(chosen_);
    session_options_ = flags.SessionOptionsFor(model_);
    request_ = flags.RequestFor(model_, chosen_);
    request_.tokens.num_logprobs = options_.num_logprobs;
    request_.tokens.prompt_ids = EncodePrompt();
    StopMatcher checked(request_.stop_strings);  // throws before minutes of loading
    if (prompt_tokens() > *session_options_.max_context) {
      Fail("the prompt has {} tokens: expected at most {}, the context", prompt_tokens(),
           *session_options_.max_context);
    }
  }

  std::vector<int32_t> EncodePrompt() const {
    if (options_.is_raw) {
      std::vector<int32_t> ids = model_.tokenizer.Encode(prompt_text_, SpecialTokens::kAdd);
      if (ids.empty()) {
        Fail("the prompt is empty, and this tokenizer adds no BOS token: expected some text");
      }
      return ids;
    }
    const PromptFormat& format = model_.format();
    options_.answer.SayWhatIsIdle(format);
    const Json kwargs = options_.answer.TemplateKwargs();
    Json messages = Json::array();
    if (options_.answer.system) {
      messages.push_back({{"role", "system"}, {"content", *options_.answer.system}});
    }
    messages.push_back({{"role", "user"}, {"content", ToValidUtf8(prompt_text_)}});
    const UserText user_text(model_.tokenizer);
    const Json shielded = ShieldMessages(messages, user_text);
    ChatRequest request{shielded};
    request.kwargs = &kwargs;
    // The template writes BOS where the model wants one.
    std::vector<int32_t> ids = user_text.Encode(format.Render(request));
    if (ids.empty()) Fail("the chat template makes no prompt of this message");
    return ids;
  }

  const GenerationResult& tokens() const { return result_.tokens; }
  // Nothing of what a stop string cut off.
  std::span<const TokenLogprobs> ShownLogprobs() const {
    const std::vector<TokenLogprobs>& all = tokens().logprobs;
    return std::span(all).first(
        std::min(all.size(), static_cast<size_t>(result_.num_tokens_in_text)));
  }
  int64_t prompt_tokens() const { return static_cast<int64_t>(request_.tokens.prompt_ids.size()); }

  Json ToJson() const {
    Json json;
    json["model"] = model_.checkpoint.path();
    json["text"] = result_.text;
    json["token_ids"] = tokens().token_ids;
    json["prompt_tokens"] = prompt_tokens();
    json["completion_tokens"] = tokens().token_ids.size();
    json["finish_reason"] = NameOf(tokens().finish_reason);
    if (result_.stop_string) json["stop_string"] = *result_.stop_string;
    if (options_.num_logprobs) json["logprobs"] = LogprobsJson(ShownLogprobs(), model_.tokenizer);
    json["sampling"] = chosen_.ToJson();
    json["timings"]["load_s"] = loaded_.load_s;
    json["timings"]["prefill_s"] = tokens().prefill_s;
    json["timings"]["prefill_tokens_per_s"] = PrefillSpeed();
    json["timings"]["decode_tokens_per_s"] = DecodeSpeed();
    if (const std::optional<ExpertTraffic> traffic = loaded_.model->expert_traffic()) {
      json["experts"] = ExpertTrafficJson(*traffic, ComputedTokens());
    }
    if (loaded_.model->ranks().size() > 1) {
      json["communication"] = CommunicationJson(loaded_.model->ranks());
    }
    json["peak_memory_bytes"] = PeakMemoryBytes();
    json["threads"] = loaded_.model->pool().num_threads();
    json["simd_target"] = ActiveSimdTarget();
    return json;
  }

  std::string Summary() const {
    return LogprobsText(ShownLogprobs(), model_.tokenizer) +
           fmt::format(
               "[prompt: {} tokens, {:.1f} tokens/s; answer: {} tokens, {:.1f} tokens/s, {}; {}]\n",
               prompt_tokens(), PrefillSpeed(), tokens().token_ids.size(), DecodeSpeed(),
               NameOf(tokens().finish_reason), chosen_.ToText()) +
           ExpertLine() + (options_.has_stats ? StatsText() : "");
  }

  std::string StatsText() const {
    return fmt::format("[loading: {:.2f} s; prompt: {:.2f} s; answer: {:.2f} s; peak memory {}]\n",
                       loaded_.load_s, tokens().prefill_s, tokens().decode_s,
                       ByteText(PeakMemoryBytes())) +
           CommunicationText(loaded_.model->ranks());
  }

  // Where experts stay in files.
  std::string ExpertLine() const {
    const std::optional<ExpertTraffic> traffic = loaded_.model->expert_traffic();
    return traffic ? fmt::format("[{}]\n", ExpertTrafficText(*traffic, ComputedTokens())) : "";
  }
  int64_t ComputedTokens() const { return prompt_tokens() + tokens().num_decode_steps; }

  double PrefillSpeed() const { return PerSecond(prompt_tokens(), tokens().prefill_s); }
  double DecodeSpeed() const { return PerSecond(tokens().num_decode_steps, tokens().decode_s); }

  const RunOptions& options_;
  std::string prompt_text_;
  LanguageModel model_;
  ChosenSampling chosen_;
  LoadedModel loaded_;
  SessionOptions session_options_;
  TextGenerationRequest request_;
  TextGenerationResult result_;
};

}  // namespace

int RunCommand(CommandArguments arguments) {
  RunOptions options;
  if (ParseOptions(arguments, options) == ParseOutcome::kHelpShown) return 0;
  CheckOptions(options);
  if (options.is_interactive) {
    std::optional<std::string> first;
    if (options.prompt.is_given()) first = options.prompt.Read();
    return ChatLoop(options.answer, first);
  }
  return Run(options).Execute();
}

}  // namespace trinity

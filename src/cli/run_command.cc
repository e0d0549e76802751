#include "cli/run_command.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <random>
#include <utility>

#include "base/cancel_token.h"
#include "base/error.h"
#include "chat/chat_ml.h"
#include "cli/cancel_on_interrupt.h"
#include "cli/json_text.h"
#include "cli/loaded_model.h"
#include "cli/model_text.h"
#include "cli/peak_memory.h"
#include "cli/prompt_source.h"
#include "cli/standard_output.h"
#include "generate/generator.h"
#include "kernels/simd_target.h"
#include "tokenizer/text_stream.h"

namespace trinity {
namespace {

constexpr const char* kFooter =
    R"(The answer goes to stdout as it is computed, then a newline; everything else goes to stderr.
Ctrl-C ends the answer, and what is there so far counts (exit code 130); a second one ends the
program.

Examples:
  trinity run -p "What is a violin?"
  trinity run /path/to/Trinity-Nano -p "Tell me a story." -n 200 --temperature 0.8 --seed 7
  echo "The capital of France is" | trinity run --raw --json
)";

struct RunOptions {
  ModelOptions model;
  PromptSource prompt;
  std::optional<int64_t> max_tokens;
  std::optional<int64_t> context;
  std::optional<int64_t> prefill_chunk;
  std::optional<double> temperature;
  std::optional<uint64_t> seed;
  bool is_raw = false;
  bool is_json = false;
};

ParseOutcome ParseOptions(CommandArguments arguments, RunOptions& options) {
  CommandLine line("trinity run", "Answers a prompt", kFooter);
  line.AddPositional("MODEL", options.model.positional, kModelHelp);
  options.prompt.AddTo(line);
  line.AddFlag("--raw", options.is_raw,
               "Continue the prompt as it is (after the BOS token, where the tokenizer adds one) "
               "instead of putting it into the chat format as a user's message");
  line.AddInteger("-n,--max-tokens,--n-predict", options.max_tokens, {1},
                  "Tokens to generate at most; default: max_new_tokens of generation_config.json, "
                  "else as many as the context holds");
  line.AddNumber("--temperature,--temp", options.temperature, {0, 100},
                 "0: always the most likely token; above: drawn at random, the higher the wilder. "
                 "Default 0");
  line.AddSeed("-s,--seed", options.seed,
               "Of the random numbers; the same seed gives the same answer. Default: a new one "
               "each time, shown at the end");
  line.AddInteger("-c,--context,--ctx-size", options.context, {1},
                  "Tokens of prompt and answer at most; default and upper limit: "
                  "max_position_embeddings of the model");
  line.AddInteger(
      "--prefill-chunk", options.prefill_chunk, {1, 1 << 20},
      "Tokens of the prompt that are computed at once; default 512. The answer does not "
      "depend on it");
  options.model.AddTo(line);
  options.model.AddComputeTo(line, "auto");
  options.model.AddKvTypeTo(line);
  line.AddFlag("--json", options.is_json,
               "Print one JSON object: text, token_ids, prompt_tokens, completion_tokens, "
               "finish_reason (stop, length or cancelled), sampling, timings, peak_memory_bytes");
  return line.Parse(arguments);
}

std::string BosToken(const Tokenizer& tokenizer, const TokenizerConfig& tokenizer_config,
                     const Config& config) {
  if (tokenizer_config.bos_token) return *tokenizer_config.bos_token;
  for (const AddedToken& token : tokenizer.added_tokens()) {
    if (token.id == config.bos_token_id) return token.content;
  }
  return "";
}

std::vector<int32_t> EncodePrompt(const RunOptions& options, const std::string& text,
                                  const Checkpoint& checkpoint, const Tokenizer& tokenizer,
                                  const Config& config) {
  if (options.is_raw) {
    std::vector<int32_t> ids = tokenizer.Encode(text, SpecialTokens::kAdd);
    if (ids.empty()) {
      Fail("the prompt is empty, and this tokenizer adds no BOS token: expected some text");
    }
    return ids;
  }
  if (!tokenizer.FindToken("<|im_start|>")) {
    Fail("{}: its tokenizer has no <|im_start|>, so it was not made for chat: use --raw",
         checkpoint.path());
  }
  const std::string bos = BosToken(tokenizer, LoadTokenizerConfig(checkpoint), config);
  const std::vector<ChatMessage> messages = {{"user", text}};
  // The rendered text begins with BOS already.
  return tokenizer.Encode(RenderChatMl(messages, bos, GenerationPrompt::kAdd),
                          SpecialTokens::kLeaveOut);
}

// What the files say, and the ends of turn and text that models of this family emit even where no
// file names them.
std::vector<int32_t> StopIds(const GenerationConfig& generation_config, const Config& config,
                             const Tokenizer& tokenizer) {
  std::vector<int32_t> ids = generation_config.eos_token_ids;
  if (ids.empty()) ids = config.eos_token_ids;
  for (const char* name : {"<|im_end|>", "<|end_of_text|>"}) {
    const std::optional<int32_t> id = tokenizer.FindToken(name);
    if (id && tokenizer.IsSpecial(*id)) ids.push_back(*id);
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

// One above the highest id that stands for something: beyond are padding rows of the head.
int64_t EndOfTokens(const Tokenizer& tokenizer, int64_t vocab_size) {
  int64_t end = vocab_size;
  while (end > 0 && tokenizer.BytesOf(static_cast<int32_t>(end - 1)).empty()) --end;
  if (end == 0) Fail("tokenizer: it has no token below vocab_size, {}", vocab_size);
  return end;
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
        checkpoint_(OpenModelCheckpoint(options.model.path())),
        config_(Config::FromJson(checkpoint_.config(), checkpoint_.config_origin())),
        tokenizer_(LoadTokenizer(checkpoint_)) {}

  int Execute() {
    PrepareRequest();
    loaded_ = LoadModel(checkpoint_, options_.model);
    KvPools pools(config_, options_.model.kv_dtype());
    Session session(*loaded_.model, pools, session_options_);
    TextStream stream(tokenizer_, DecodeSpecial::kSkip);
    CancelToken cancel;
    const CancelOnInterrupt cancel_on_interrupt(cancel);
    result_ = Generate(
        session, request_, [&](int32_t id) { Show(stream.Append(id)); }, cancel);
    Show(stream.Finish());
    if (options_.is_json) {
      WriteOutput(JsonText(ToJson()) + "\n");
    } else {
      WriteOutput("\n");
      WriteNotice(Summary());
    }
    return result_.finish_reason == FinishReason::kCancelled ? kInterruptedExitCode : 0;
  }

 private:
  void PrepareRequest() {
    const GenerationConfig generation_config = LoadGenerationConfig(checkpoint_);
    request_.prompt_ids = EncodePrompt(options_, prompt_text_, checkpoint_, tokenizer_, config_);
    request_.max_tokens =
        options_.max_tokens ? options_.max_tokens : generation_config.max_new_tokens;
    request_.stop_ids = StopIds(generation_config, config_, tokenizer_);
    request_.num_tokens = EndOfTokens(tokenizer_, config_.vocab_size);
    request_.sampling.temperature = options_.temperature.value_or(0);
    request_.sampling.seed = options_.seed ? *options_.seed : std::random_device()();

    const int64_t longest = config_.max_position_embeddings;
    if (options_.context && *options_.context > longest) {
      throw UsageError(
          fmt::format("--context: expected at most {}, the max_position_embeddings of "
                      "this model, found {}",
                      longest, *options_.context));
    }
    session_options_.max_context = options_.context.value_or(longest);
    session_options_.prefill_chunk =
        options_.prefill_chunk.value_or(session_options_.prefill_chunk);
    const auto prompt_tokens = static_cast<int64_t>(request_.prompt_ids.size());
    if (prompt_tokens > *session_options_.max_context) {
      Fail("the prompt has {} tokens: expected at most {}, the context", prompt_tokens,
           *session_options_.max_context);
    }
  }

  void Show(const std::string& text) {
    text_ += text;
    if (!options_.is_json && !text.empty()) WriteOutput(text);
  }

  bool is_greedy() const { return request_.sampling.temperature == 0; }

  Json ToJson() const {
    Json json;
    json["model"] = checkpoint_.path();
    json["text"] = text_;
    json["token_ids"] = result_.token_ids;
    json["prompt_tokens"] = request_.prompt_ids.size();
    json["completion_tokens"] = result_.token_ids.size();
    json["finish_reason"] = NameOf(result_.finish_reason);
    json["sampling"]["temperature"] = request_.sampling.temperature;
    json["sampling"]["seed"] = is_greedy() ? Json() : Json(request_.sampling.seed);
    json["timings"]["load_s"] = loaded_.load_s;
    json["timings"]["prefill_s"] = result_.prefill_s;
    json["timings"]["prefill_tokens_per_s"] = PrefillSpeed();
    json["timings"]["decode_tokens_per_s"] = DecodeSpeed();
    json["peak_memory_bytes"] = PeakMemoryBytes();
    json["threads"] = loaded_.pool->num_threads();
    json["simd_target"] = ActiveSimdTarget();
    return json;
  }

  std::string Summary() const {
    const std::string sampling =
        is_greedy() ? "greedy"
                    : fmt::format("temperature {}, seed {}", request_.sampling.temperature,
                                  request_.sampling.seed);
    return fmt::format(
        "[prompt: {} tokens, {:.1f} tokens/s; answer: {} tokens, {:.1f} tokens/s, {}; {}]\n",
        request_.prompt_ids.size(), PrefillSpeed(), result_.token_ids.size(), DecodeSpeed(),
        NameOf(result_.finish_reason), sampling);
  }

  double PrefillSpeed() const {
    return PerSecond(static_cast<int64_t>(request_.prompt_ids.size()), result_.prefill_s);
  }
  double DecodeSpeed() const { return PerSecond(result_.num_decode_steps, result_.decode_s); }

  const RunOptions& options_;
  std::string prompt_text_;
  Checkpoint checkpoint_;
  Config config_;
  Tokenizer tokenizer_;
  LoadedModel loaded_;
  SessionOptions session_options_;
  GenerationRequest request_;
  GenerationResult result_;
  std::string text_;
};

}  // namespace

int RunCommand(CommandArguments arguments) {
  RunOptions options;
  if (ParseOptions(arguments, options) == ParseOutcome::kHelpShown) return 0;
  return Run(options).Execute();
}

}  // namespace trinity

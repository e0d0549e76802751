#include "server/request_field.h"

#include <vector>

namespace trinity {
namespace {

constexpr double kAnyNumber = std::numeric_limits<double>::infinity();
constexpr double kLargestInteger = 9007199254740992;  // 2^53, as JavaScript counts exactly

constexpr RequestField Refused(std::string_view name, std::string_view harmless = "[]") {
  return {name,    FieldType::kAny, "Not implemented.", -kAnyNumber, kAnyNumber, FieldUse::kRefused,
          harmless};
}

constexpr RequestField WithoutEffect(std::string_view name, FieldType type, std::string_view help) {
  return {name, type, help, -kAnyNumber, kAnyNumber, FieldUse::kWithoutEffect};
}

constexpr RequestField Limited(FieldLimit limit, RequestField field) {
  field.limit = limit;
  return field;
}

constexpr RequestField Above(RequestField field) {
  field.excludes_lowest = true;
  return field;
}

constexpr RequestField kModelField = {"model", FieldType::kText,
                                      "One of /v1/models; absent: the model that is served."};

// How tokens are picked and when the answer ends; of both completions APIs. Bounds that one value
// has with another, and those of ids, are checked by the engine.
constexpr RequestField kGenerationFields[] = {
    {"temperature", FieldType::kNumber, "0: always the most likely token.", 0, 100},
    Above({"top_p", FieldType::kNumber, "Keeps the fewest tokens that hold this share.", 0, 1}),
    {"top_k", FieldType::kInteger, "Keeps the k most likely tokens; 0 or -1: all.", -1,
     kLargestInteger},
    {"min_p", FieldType::kNumber, "Keeps tokens at least this likely, relative to the most likely.",
     0, 1},
    Above({"typical_p", FieldType::kNumber,
           "Keeps the fewest tokens of about the expected surprise that hold this share.", 0, 1}),
    {"top_n_sigma", FieldType::kNumber,
     "Keeps logits at most so many standard deviations below the largest; 0 or -1: all.", -1, 100},
    {"xtc_probability", FieldType::kNumber,
     "With this probability leaves out all likely tokens but the least likely of them.", 0, 1},
    {"xtc_threshold", FieldType::kNumber, "What counts as likely for xtc_probability.", 0, 1},
    Above({"repetition_penalty", FieldType::kNumber,
           "Divides positive logits of tokens that occurred, multiplies negative ones.", 0, 100}),
    {"presence_penalty", FieldType::kNumber, "Off the logit of tokens of the answer.", -100, 100},
    {"frequency_penalty", FieldType::kNumber,
     "Off the logit of tokens of the answer, times their number.", -100, 100},
    {"logit_bias", FieldType::kObject,
     "What is added to the logits of token ids: {\"1234\": -100}."},
    {"seed", FieldType::kSeed,
     "The same seed gives the same answer, from -2^63 to 2^64 - 1; absent: a new one."},
    {"min_tokens", FieldType::kInteger, "Before so many tokens the answer does not end.", 0,
     kLargestInteger},
    {"ignore_eos", FieldType::kBoolean, "The model's own end of text does not end the answer."},
    Limited(FieldLimit::kStops, {"stop", FieldType::kTextOrTexts,
                                 "Strings before which the answer ends.", 0, kAnyNumber}),
    {"stop_token_ids", FieldType::kIntegers, "Token ids before which the answer ends.", 0, 1024},
    Limited(FieldLimit::kAnswers, {"n", FieldType::kInteger, "How many answers.", 1, kAnyNumber}),
    {"stream", FieldType::kBoolean, "Answer token by token, as server-sent events."},
    {"stream_options", FieldType::kObject, "{\"include_usage\": true}: a last event with usage."},
    {"skip_special_tokens", FieldType::kBoolean,
     "false: special tokens stand in the text as they are spelled."},
    Limited(FieldLimit::kLogprobs,
            {"prompt_logprobs", FieldType::kInteger,
             "Log probabilities of the prompt's tokens, each with so many of the most likely; not "
             "with stream.",
             0, kAnyNumber}),
    {"return_token_ids", FieldType::kBoolean, "Adds token_ids to each choice."},
    {"priority", FieldType::kInteger, "The larger is served first.", -100, 100},
    WithoutEffect("user", FieldType::kText, "Accepted; nothing depends on it."),
    WithoutEffect("cache_prompt", FieldType::kBoolean,
                  "Accepted; prefixes are always cached, and exact."),
    Refused("use_beam_search", "[false]"),
    Refused("length_penalty", "[1]"),
    Refused("early_stopping", "[false]"),
    Refused("include_stop_str_in_output", "[false]"),
    Refused("truncate_prompt_tokens"),
    Refused("bad_words", "[[]]"),
    Refused("allowed_token_ids"),
    Refused("logits_processors", "[[]]"),
    Refused("structured_outputs"),
    Refused("guided_json"),
    Refused("guided_regex"),
    Refused("guided_choice"),
    Refused("guided_grammar"),
    Refused("grammar", "[\"\"]"),
    Refused("json_schema"),
    // Of llama.cpp; what asks for nothing is mostly its default.
    Refused("mirostat", "[0]"),
    Refused("mirostat_tau", "[5]"),
    Refused("mirostat_eta", "[0.1]"),
    Refused("dynatemp_range", "[0]"),
    Refused("dynatemp_exponent", "[1]"),
    Refused("dry_multiplier", "[0]"),
    Refused("dry_base", "[1.75]"),
    Refused("dry_allowed_length", "[2]"),
    Refused("dry_penalty_last_n", "[-1]"),
    Refused("dry_sequence_breakers"),
    Refused("typ_p", "[1]"),
    Refused("repeat_penalty", "[1]"),
    Refused("repeat_last_n", "[-1]"),
    Refused("min_keep", "[0, 1]"),
    Refused("n_keep", "[0]"),
    Refused("n_discard", "[0]"),
    Refused("n_predict"),
    Refused("n_probs", "[0]"),
    Refused("post_sampling_probs", "[false]"),
    Refused("id_slot", "[-1]"),
    Refused("samplers"),
    Refused("thinking_budget_tokens", "[-1]"),
    // Of other servers.
    Refused("stop_regex", "[[]]"),
    Refused("prompt_embeds"),
    Refused("max_new_tokens"),
    Refused("min_new_tokens"),
    Refused("num_beams", "[1]"),
    Refused("enable_thinking"),
    Refused("lora", "[[]]"),
    Refused("response_format", R"([{"type": "text"}])"),
};

constexpr RequestField kMessagesField = {"messages",
                                         FieldType::kObjects,
                                         "The conversation so far, in the shape of OpenAI.",
                                         1,
                                         kAnyNumber,
                                         FieldUse::kUsed,
                                         "[]",
                                         true};

// What a chat template is given beside the messages.
constexpr RequestField kTemplateFields[] = {
    {"chat_template_kwargs", FieldType::kObject,
     "More variables of the chat template: {\"enable_thinking\": false}."},
    {"add_generation_prompt", FieldType::kBoolean,
     "false: the prompt ends after the messages; default true."},
    {"continue_final_message", FieldType::kBoolean,
     "The answer goes on within the last message; add_generation_prompt must be false then."},
    Refused("chat_template"),
    Refused("documents", "[[]]"),
    Refused("tools", "[[]]"),
    Refused("tool_choice", R"(["none", "auto"])"),
    Refused("functions", "[[]]"),
    Refused("function_call", R"(["none", "auto"])"),
};

constexpr RequestField kChatFields[] = {
    {"max_completion_tokens", FieldType::kInteger,
     "The answer ends after so many tokens; absent: where the context ends.", 1, kLargestInteger},
    {"max_tokens", FieldType::kInteger, "The older name of max_completion_tokens.", 1,
     kLargestInteger},
    {"logprobs", FieldType::kBoolean, "Adds the log probability of each token."},
    Limited(FieldLimit::kLogprobs, {"top_logprobs", FieldType::kInteger,
                                    "And so many of the most likely tokens.", 0, kAnyNumber}),
    WithoutEffect("parallel_tool_calls", FieldType::kBoolean, "Accepted; there are no tool calls."),
    WithoutEffect("prediction", FieldType::kObject,
                  "Accepted; nothing of the answer depends on it."),
    WithoutEffect("prompt_cache_key", FieldType::kText,
                  "Accepted; prefixes are always cached, and exact."),
    WithoutEffect("safety_identifier", FieldType::kText, "Accepted; nothing depends on it."),
    WithoutEffect("service_tier", FieldType::kText, "Accepted; there is one."),
    Refused("audio"),
    Refused("best_of", "[1]"),
    Refused("echo", "[false]"),
    Refused("add_special_tokens", "[false]"),
    Refused("prompt"),
    Refused("include_reasoning", "[true]"),
    Refused("reasoning"),
    Refused("modalities", R"([["text"]])"),
    Refused("reasoning_effort"),
    Refused("verbosity"),
    Refused("web_search_options"),
};

constexpr RequestField kCompletionOnlyFields[] = {
    Limited(FieldLimit::kPrompts,
            {"prompt", FieldType::kPrompt,
             "A text, token ids, or an array of either; each is answered n times.", 1, kAnyNumber,
             FieldUse::kUsed, "[]", true}),
    {"max_tokens", FieldType::kInteger, "The answer ends after so many tokens; default 16.", 0,
     kLargestInteger},
    {"echo", FieldType::kBoolean, "The prompt stands before the answer, with its logprobs too."},
    Limited(FieldLimit::kLogprobs,
            {"logprobs", FieldType::kInteger,
             "Adds the log probability of each token, and so many of the most likely ones.", 0,
             kAnyNumber}),
    {"add_special_tokens", FieldType::kBoolean,
     "false: no BOS token before a prompt that is text; default true."},
    Refused("best_of", "[1]"),
    Refused("suffix", "[\"\"]"),
    Refused("max_completion_tokens"),
    Refused("top_logprobs", "[0]"),
    Refused("messages"),
    Refused("chat_template_kwargs", "[{}]"),
    Refused("add_generation_prompt"),
    Refused("continue_final_message", "[false]"),
    Refused("chat_template"),
    Refused("tools", "[[]]"),
    Refused("tool_choice", R"(["none", "auto"])"),
};

constexpr RequestField kEmbeddingFields[] = {
    kModelField,
    Limited(FieldLimit::kPrompts,
            {"input", FieldType::kPrompt, "A text, token ids, or an array of either.", 1,
             kAnyNumber, FieldUse::kUsed, "[]", true}),
    {"encoding_format", FieldType::kText, "float or base64; default float."},
    WithoutEffect("user", FieldType::kText, "Accepted; nothing depends on it."),
    Refused("dimensions"),
};

constexpr RequestField kTokenizeFields[] = {
    kModelField,
    {"content", FieldType::kText, "The text (or prompt, or messages)."},
    {"prompt", FieldType::kText, "The text, under vLLM's name for it."},
    {"messages", FieldType::kObjects, "A conversation instead of a text.", 1, kAnyNumber},
    {"add_special", FieldType::kBoolean, "Begins a text with the BOS token; default false."},
    {"with_pieces", FieldType::kBoolean, "Adds the text of each token."},
    kTemplateFields[0],
    kTemplateFields[1],
    kTemplateFields[2],
};

constexpr RequestField kDetokenizeFields[] = {
    kModelField,
    {"tokens", FieldType::kIntegers, "Token ids.", 0, kAnyNumber, FieldUse::kUsed, "[]", true},
    {"skip_special_tokens", FieldType::kBoolean, "Leaves special tokens out; default false."},
};

template <class... Parts>
std::vector<RequestField> Joined(const Parts&... parts) {
  std::vector<RequestField> all;
  (all.insert(all.end(), std::begin(parts), std::end(parts)), ...);
  return all;
}

}  // namespace

std::span<const RequestField> ChatCompletionFields() {
  static const std::vector<RequestField> fields =
      Joined(std::span(&kMessagesField, 1), std::span(&kModelField, 1), kChatFields,
             kGenerationFields, kTemplateFields);
  return fields;
}

std::span<const RequestField> CompletionFields() {
  static const std::vector<RequestField> fields =
      Joined(std::span(&kModelField, 1), kCompletionOnlyFields, kGenerationFields);
  return fields;
}

std::span<const RequestField> EmbeddingFields() { return kEmbeddingFields; }
std::span<const RequestField> TokenizeFields() { return kTokenizeFields; }
std::span<const RequestField> DetokenizeFields() { return kDetokenizeFields; }

std::span<const RequestField> ApplyTemplateFields() {
  static const std::vector<RequestField> fields =
      Joined(std::span(&kMessagesField, 1), std::span(&kModelField, 1), kTemplateFields);
  return fields;
}

}  // namespace trinity

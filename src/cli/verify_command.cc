#include "cli/verify_command.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/error.h"
#include "base/json_text.h"
#include "cli/amount_text.h"
#include "cli/loaded_model.h"
#include "cli/model_text.h"
#include "cli/standard_output.h"
#include "measure/prompt_check.h"
#include "measure/verify.h"
#include "plan/weight_share.h"
#include "train/gradient_check.h"

namespace trinity {
namespace {

constexpr const char* kFooter =
    R"(GOLDEN holds what an independent implementation computed: input_ids [B, T] I64, logits
[B, T or the last positions, vocab_size] F32, and as far as there: hidden [L + 1, B, T or last,
hidden_size] F32, router_experts [MoE layers, B, T, k] I32 with router_gap [MoE layers, B, T] F32,
and greedy [B, steps] I64 with greedy_margin F32 and greedy_prompt_length [1]. Where the golden
itself is undecided (router gap up to 1e-5, or two candidates nearer than the tolerance), a
difference is a near tie and no failure.

Of each rank the bytes of weights in memory are compared with its share: the model's divided by the
ranks, rounded up to what cannot be cut, and what all ranks hold.

--gradients compares loss [1] and grad.<weight> of the golden too, of F32, F16 or BF16 weights: the
mean cross entropy of each next token, and its gradients, within 1e-4 of a gradient's largest value.
Under ranks each computes those of the weights that it holds.

Exit codes: 0 everything holds, 1 something differs or failed, 2 wrong usage.

Examples:
  trinity verify path/to/model golden.safetensors
  trinity verify path/to/model golden.safetensors --gradients --ranks 4
  trinity verify path/to/model          (MODEL/golden.safetensors if there, else standard prompts)
)";

struct VerifyCommandOptions {
  ModelOptions model;
  std::optional<std::string> golden;
  std::optional<double> tolerance;
  std::optional<int64_t> prefill_chunk;
  bool has_gradients = false;
  bool is_json = false;
};

ParseOutcome ParseOptions(CommandArguments arguments, VerifyCommandOptions& options) {
  CommandLine line("trinity verify",
                   "Compares a model with what another implementation computed, or with itself",
                   kFooter);
  line.AddPositional("MODEL", options.model.positional, kModelHelp);
  line.AddPositional("GOLDEN", options.golden,
                     "Safetensors file to compare with; default: golden.safetensors beside the "
                     "model, else three standard prompts are tried");
  line.AddNumber("--tolerance", options.tolerance, {0, 1e9},
                 "Largest difference of a logit that is accepted; default 1e-4, and 5e-4 for "
                 "sequences of more than 1,000 tokens");
  line.AddInteger("--prefill-chunk", options.prefill_chunk, {1, 1 << 20},
                  "Tokens of a sequence that are computed at once; default 512");
  line.AddFlag("--gradients", options.has_gradients,
               "Compare the loss and the gradients of all weights too");
  options.model.AddTo(line);
  options.model.AddLoadingTo(line, "f32");
  line.AddFlag("--json", options.is_json, "Print one JSON object with every number");
  return line.Parse(arguments);
}

// JSON has no infinity: a difference to NaN is null.
Json Finite(double value) { return std::isfinite(value) ? Json(value) : Json(); }

Json ToJson(const Agreement& agreement) {
  return {{"compared", agreement.compared},
          {"equal", agreement.equal},
          {"near_ties", agreement.near_ties},
          {"wrong", agreement.wrong()}};
}

Json ToJson(const TracedToken& token) {
  return {{"sequence", token.sequence}, {"position", token.position}};
}

Json ToJson(const GoldenOutputs& golden, const GoldenReport& report) {
  Json json;
  json["golden"] = golden.path;
  json["passed"] = report.Passed();
  json["tolerance"] = report.tolerance;
  json["sequences"] = report.num_sequences;
  json["tokens"] = report.num_tokens;
  json["logits"]["rows"] = report.num_logit_rows;
  json["logits"]["largest_difference"] = Finite(report.largest_logit_difference);
  json["logits"]["largest_difference_at"] = ToJson(report.largest_logit_token);
  json["logits"]["mean_difference"] = Finite(report.mean_logit_difference);
  json["top_1"] = ToJson(report.top_1);
  json["top_5"] = ToJson(report.top_5);
  if (report.largest_hidden_difference) {
    json["hidden"]["largest_difference"] = Finite(*report.largest_hidden_difference);
    Json& first = json["hidden"]["first_difference"];
    if (report.first_hidden_difference) {
      first = ToJson(report.first_hidden_difference->token);
      first["index"] = report.first_hidden_difference->index;
      first["difference"] = Finite(report.first_hidden_difference->difference);
    }
  }
  if (report.router) json["router"] = ToJson(*report.router);
  if (report.same_bits_alone) json["same_bits_alone"] = *report.same_bits_alone;
  if (report.greedy) {
    json["greedy"] = ToJson(*report.greedy);
    if (report.smallest_greedy_margin) {
      json["greedy"]["smallest_margin"] = *report.smallest_greedy_margin;
    }
  }
  return json;
}

std::string Line(std::string_view what, bool holds, const std::string& detail) {
  return fmt::format("{:<12}{:<6}{}\n", what, holds ? "ok" : "FAIL", detail);
}

std::string AgreementText(const Agreement& agreement, std::string_view unit) {
  std::string text = fmt::format("{} of {} {} equal", agreement.equal, agreement.compared, unit);
  if (agreement.near_ties > 0) text += fmt::format(", {} near ties", agreement.near_ties);
  if (agreement.wrong() > 0) text += fmt::format(", {} WRONG", agreement.wrong());
  return text;
}

std::string HiddenText(const GoldenReport& report, int64_t num_layers) {
  std::string text = fmt::format("largest difference {:.2e}", *report.largest_hidden_difference);
  if (!report.first_hidden_difference) return text;
  const HiddenDifference& first = *report.first_hidden_difference;
  std::string where = fmt::format("after layer {}", first.index - 1);
  if (first.index == 0) where = "in the embeddings";
  if (first.index == num_layers) where = "after the final norm";
  return text + fmt::format("; the first is {}, sequence {}, position {}: {:.2e}", where,
                            first.token.sequence, first.token.position, first.difference);
}

std::string ToText(const GoldenOutputs& golden, const GoldenReport& report, int64_t num_layers) {
  std::string text = fmt::format("{}: {} sequences of {} tokens\n", golden.path,
                                 report.num_sequences, report.num_tokens);
  text += Line("logits", report.largest_logit_difference <= report.tolerance,
               fmt::format("largest difference {:.2e} (sequence {}, position {}), mean {:.2e}, "
                           "tolerance {:.0e}",
                           report.largest_logit_difference, report.largest_logit_token.sequence,
                           report.largest_logit_token.position, report.mean_logit_difference,
                           report.tolerance));
  text += Line("top-1", report.top_1.wrong() == 0, AgreementText(report.top_1, "rows"));
  text += Line("top-5", report.top_5.wrong() == 0, AgreementText(report.top_5, "rows"));
  if (report.largest_hidden_difference) {
    text += Line("hidden", !report.first_hidden_difference, HiddenText(report, num_layers));
  }
  if (report.router) {
    text += Line("router", report.router->wrong() == 0, AgreementText(*report.router, "choices"));
  }
  if (report.same_bits_alone) {
    text += Line("batch", *report.same_bits_alone,
                 *report.same_bits_alone ? "the same bits alone and side by side"
                                         : "other bits alone than side by side");
  }
  if (report.greedy) {
    std::string detail = AgreementText(*report.greedy, "steps");
    if (report.smallest_greedy_margin) {
      detail += fmt::format(", smallest margin {:.2e}", *report.smallest_greedy_margin);
    }
    text += Line("greedy", report.greedy->wrong() == 0, detail);
  }
  return text;
}

WeightShareReport CheckWeights(const Checkpoint& checkpoint, const LoadedModel& loaded,
                               const ModelOptions& options) {
  return CheckWeightShares(loaded.model->config(), checkpoint, options.grid(),
                           loaded.model->rank_weight_bytes(), loaded.expert_cache_bytes);
}

Json ToJson(const WeightShareReport& report) {
  return {{"passed", report.Passed()},
          {"ranks", report.num_ranks},
          {"whole_bytes", report.whole_bytes},
          {"largest_rank", report.largest_rank},
          {"largest_rank_bytes", report.largest_bytes},
          {"largest_rank_bytes_expected_at_most", report.bound_bytes}};
}

std::string ToText(const WeightShareReport& report) {
  return Line("weights", report.Passed(),
              fmt::format("rank {} of {} holds {} bytes, expected at most {} (of {})",
                          report.largest_rank, report.num_ranks, DigitGroups(report.largest_bytes),
                          DigitGroups(report.bound_bytes), DigitGroups(report.whole_bytes)));
}

Json ToJson(const GradientReport& report) {
  Json json = {{"passed", report.Passed()},
               {"tolerance", kGradientTolerance},
               {"loss", Finite(report.loss)},
               {"loss_difference", Finite(report.loss_difference)}};
  for (const GradientDifference& tensor : report.tensors) {
    json["tensors"].push_back({{"name", tensor.name},
                               {"largest_difference", Finite(tensor.largest)},
                               {"relative_difference", Finite(tensor.relative)}});
  }
  return json;
}

std::string ToText(const GradientReport& report) {
  std::string text =
      Line("loss", report.loss_difference <= kGradientTolerance * std::abs(report.loss),
           fmt::format("{:.6f}, difference {:.2e}", report.loss, report.loss_difference));
  const GradientDifference& worst =
      *std::max_element(report.tensors.begin(), report.tensors.end(),
                        [](const auto& a, const auto& b) { return a.relative < b.relative; });
  return text +
         Line("gradients", worst.relative <= kGradientTolerance,
              fmt::format("{} tensors, largest difference {:.2e} of the tensor's largest ({}), "
                          "tolerance {:.0e}",
                          report.tensors.size(), worst.relative, worst.name, kGradientTolerance));
}

Json ToJson(const PromptReport& report, const Tokenizer& tokenizer) {
  Json json;
  json["prompt"] = report.prompt;
  json["prompt_ids"] = report.prompt_ids;
  for (const ScoredToken& token : report.best) {
    json["top_5"].push_back({{"id", token.id},
                             {"token", tokenizer.Decode({&token.id, 1}, DecodeSpecial::kKeep)},
                             {"logit", Finite(token.logit)}});
  }
  json["greedy"] = report.greedy;
  json["greedy_text"] = tokenizer.Decode(report.greedy, DecodeSpecial::kKeep);
  json["finite"] = report.is_finite;
  json["decode_equals_prefill"] = report.decode_is_prefill;
  return json;
}

std::string ToText(const PromptReport& report, const Tokenizer& tokenizer) {
  const auto quoted = [&](std::span<const int32_t> ids) {
    return JsonText(tokenizer.Decode(ids, DecodeSpecial::kKeep));
  };
  std::string text = fmt::format("\"{}\": {} tokens\n", report.prompt, report.prompt_ids.size());
  for (const ScoredToken& token : report.best) {
    text += fmt::format("  {:>9.4f}  {:>6}  {}\n", token.logit, token.id, quoted({&token.id, 1}));
  }
  text += fmt::format("  greedy: {}\n", quoted(report.greedy));
  text += "  " + Line("finite", report.is_finite, "no logit is NaN or infinite");
  text += "  " +
          Line("decode", report.decode_is_prefill, "token by token gives the bits of one prefill");
  return text;
}

// What the comparison with a golden asks of memory.
RunShape ShapeOf(const GoldenOutputs& golden, const Config& config,
                 const VerifyCommandOptions& options) {
  RunShape shape;
  if (options.has_gradients) shape.backward_rows = golden.num_sequences * (golden.num_tokens - 1);
  const auto steps =
      golden.greedy.empty() ? int64_t{0} : static_cast<int64_t>(golden.greedy.front().size());
  shape.context = std::max(golden.num_tokens, golden.greedy_prompt_length + steps);
  shape.num_sequences = golden.num_sequences;
  const int64_t logits =
      std::min(golden.num_logits, MostTracedLogits(config, golden.num_sequences));
  shape.logit_rows = golden.num_sequences * std::max<int64_t>(1, logits);
  return shape;
}

int VerifyWithGolden(const VerifyCommandOptions& options, const Checkpoint& checkpoint,
                     const std::string& golden_path) {
  const Checkpoint golden_file = Checkpoint::Open(golden_path);
  const Config config = Config::FromJson(checkpoint.config(), checkpoint.config_origin());
  const GoldenOutputs golden = GoldenOutputs::Read(golden_file, config);
  const LoadedModel loaded = LoadModel(checkpoint, options.model, ShapeOf(golden, config, options));
  VerifyOptions verify;
  verify.tolerance = options.tolerance;
  verify.prefill_chunk = options.prefill_chunk.value_or(verify.prefill_chunk);
  const GoldenReport report = VerifyGolden(*loaded.model, golden, verify);
  std::optional<GradientReport> gradients;
  if (options.has_gradients) gradients = CheckGradients(*loaded.model, golden_file);
  const WeightShareReport weights = CheckWeights(checkpoint, loaded, options.model);
  const bool passed = report.Passed() && weights.Passed() && (!gradients || gradients->Passed());
  if (options.is_json) {
    Json json = ToJson(golden, report);
    json["weights"] = ToJson(weights);
    if (gradients) json["gradients"] = ToJson(*gradients);
    json["passed"] = passed;
    WriteOutput(JsonText(json) + "\n");
  } else {
    std::string text = ToText(golden, report, config.num_hidden_layers);
    text += ToText(weights);
    if (gradients) text += ToText(*gradients);
    WriteOutput(text + (passed ? "passed\n" : "FAILED\n"));
  }
  return passed ? 0 : 1;
}

int VerifyWithPrompts(const VerifyCommandOptions& options, const Checkpoint& checkpoint) {
  const Tokenizer tokenizer = LoadTokenizer(checkpoint);
  RunShape asked;
  // A token has a byte or more; then BOS and some tokens of an answer.
  constexpr int64_t kTokensMore = 8;
  for (const std::string_view prompt : kStandardPrompts) {
    asked.context = std::max(asked.context, static_cast<int64_t>(prompt.size()) + kTokensMore);
  }
  asked.logit_rows = asked.context;
  const LoadedModel loaded = LoadModel(checkpoint, options.model, asked);
  VerifyOptions verify;
  verify.prefill_chunk = options.prefill_chunk.value_or(verify.prefill_chunk);
  const WeightShareReport weights = CheckWeights(checkpoint, loaded, options.model);
  bool passed = weights.Passed();
  Json json;
  json["weights"] = ToJson(weights);
  for (const std::string_view prompt : kStandardPrompts) {
    const PromptReport report = CheckPrompt(*loaded.model, tokenizer, prompt, verify);
    passed = passed && report.Passed();
    if (options.is_json) {
      json["prompts"].push_back(ToJson(report, tokenizer));
    } else {
      WriteOutput(ToText(report, tokenizer));
    }
  }
  json["passed"] = passed;
  WriteOutput(options.is_json ? JsonText(json) + "\n"
                              : ToText(weights) + (passed ? "passed\n" : "FAILED\n"));
  return passed ? 0 : 1;
}

}  // namespace

int VerifyCommand(CommandArguments arguments) {
  VerifyCommandOptions options;
  if (ParseOptions(arguments, options) == ParseOutcome::kHelpShown) return 0;
  const Checkpoint checkpoint = OpenModelCheckpoint(options.model.path());
  // What stands beside a GGUF file may be of another model.
  const std::string beside =
      checkpoint.gguf_metadata() == nullptr ? checkpoint.folder() + "/golden.safetensors" : "";
  std::error_code error;
  if (options.has_gradients && options.model.compute != "f32") {
    throw UsageError("--gradients: expected --compute f32, found " + options.model.compute);
  }
  if (options.has_gradients && options.model.weights == "mapped") {
    throw UsageError("--gradients: expected --weights resident, where all weights are in memory");
  }
  if (options.has_gradients) options.model.weights = "resident";
  if (options.golden) return VerifyWithGolden(options, checkpoint, *options.golden);
  if (std::filesystem::exists(beside, error)) return VerifyWithGolden(options, checkpoint, beside);
  if (options.has_gradients) throw UsageError("--gradients: expected a GOLDEN to compare with");
  return VerifyWithPrompts(options, checkpoint);
}

}  // namespace trinity

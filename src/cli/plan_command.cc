#include "cli/plan_command.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/json_text.h"
#include "cli/amount_text.h"
#include "cli/flag_value.h"
#include "cli/loaded_model.h"
#include "cli/model_path.h"
#include "cli/standard_output.h"
#include "convert/preset_config.h"
#include "measure/machine.h"
#include "measure/roof.h"
#include "plan/fitting_change.h"
#include "plan/run_plan.h"

namespace trinity {
namespace {

constexpr const char* kFooter =
    R"(Bytes are those of the rank that needs most, page cache apart. Memory is what a process may
take now, within the limits of its control group, unless --memory says another. Rates are what the
machine allows at most, measured in about a second: of decoding what a step reads at the bandwidth
of reading, of prefill the slower of reading and arithmetic. --read-rate plans for another machine:
it measures nothing, and leaves prefill out. What ranks send one another comes on top. Of a model's
files only the headers are read.

With --reproducible-ranks a rank computes several parts of the model: bytes are then those of a
part, and what is available is shared out among the parts of a rank.

With --weights mapped experts stay in the files, and a step reads what it has chosen and does not
find in the cache for experts: rates are then those of a cache that holds all of them.

Exit codes: 0 the run fits, 1 it does not, 2 wrong usage.

Examples:
  trinity plan nano --type q4_k_m --context 131072 --kv-type f16
  trinity plan large --type bf16 --ranks 64 --memory 24GB
  trinity plan /models/Trinity-Mini-Q4_K_M.gguf --sequences 8 --json
)";

constexpr int64_t kDefaultContext = 8192;

struct PlanOptions {
  ModelOptions model;
  std::string type;
  std::optional<int64_t> context;
  std::optional<int64_t> num_sequences;
  std::optional<int64_t> num_ranks;
  std::optional<int64_t> expert_groups;
  bool ranks_are_reproducible = false;
  std::string weights = "resident";
  std::optional<std::string> expert_cache;
  std::optional<std::string> memory;
  std::optional<std::string> read_rate;
  bool is_json = false;
};

ParseOutcome ParseOptions(CommandArguments arguments, PlanOptions& options) {
  CommandLine line("trinity plan", "Shows what memory a model takes and whether it fits", kFooter);
  line.AddPositional("MODEL", options.model.positional,
                     "nano, mini or large (the shapes of the released models), or as elsewhere a "
                     "folder or file; default: $TRINITY_MODEL, else the bundled trinity-pico");
  line.AddChoice("--type", options.type, WeightTypeNames(),
                 "The type of the weights; default: of a file, as it is, of a name, bf16");
  line.AddInteger("-c,--context", options.context, {1, 1 << 24},
                  "Tokens of each sequence; default 8192, or what the model has at most");
  line.AddInteger("-b,--sequences,--batch", options.num_sequences, {1, 4096},
                  "Sequences at a time; default 1");
  line.AddInteger("--ranks,--tensor-parallel", options.num_ranks, {1, 64},
                  "Processes that share the model by tensor parallelism; default 1");
  line.AddInteger("--expert-parallel", options.expert_groups, {1, 64},
                  "Share the experts out among N groups of ranks, instead of cutting each among "
                  "all ranks; N divides the number of ranks; default 1");
  line.AddFlag("--reproducible-ranks", options.ranks_are_reproducible,
               "Plan for 8 parts whatever the number of ranks, as commands with this flag compute");
  options.model.AddTo(line);
  options.model.AddKvTypeTo(line);
  line.AddChoice("--weights", options.weights, {"resident", "mapped", "auto"},
                 "Where weights are: all in memory, or experts in the files until they are chosen; "
                 "auto: in memory where they fit; default resident");
  line.AddText("--expert-cache", options.expert_cache, "BYTES",
               "Memory of each rank for experts that stay in the files; default: the least, those "
               "that a token chooses in a layer, and with --weights auto most of what is left");
  line.AddText("--memory", options.memory, "BYTES", "Memory of each rank, such as 24GiB or 24GB");
  line.AddText("--read-rate", options.read_rate, "BYTES",
               "What a rank reads a second, such as 40GB, instead of measuring");
  line.AddFlag("--json", options.is_json, "Print one JSON object with all of it");
  return line.Parse(arguments);
}

// What is planned, with all defaults filled in.
struct PlannedModel {
  std::string name;
  std::string type;
  Config config;
  std::vector<PlannedTensor> tensors;
};

PlannedModel FindModel(const PlanOptions& options) {
  const std::vector<std::string> presets = PresetNames();
  const std::optional<std::string> name = OneOf(options.model.positional, options.model.model);
  const bool is_preset = name && std::find(presets.begin(), presets.end(), *name) != presets.end();
  if (is_preset && !std::filesystem::exists(*name)) {
    Config config = Config::FromJson(PresetConfig(*name), *name);
    std::string type = options.type.empty() ? "bf16" : options.type;
    std::vector<PlannedTensor> tensors = PlanTensors(config, type);
    return {*name, std::move(type), std::move(config), std::move(tensors)};
  }
  const Checkpoint checkpoint = OpenModelCheckpoint(options.model.path());
  Config config = Config::FromJson(checkpoint.config(), checkpoint.config_origin());
  std::vector<PlannedTensor> tensors =
      options.type.empty() ? PlanTensors(config, checkpoint) : PlanTensors(config, options.type);
  std::string type = options.type.empty() ? "as stored" : options.type;
  return {checkpoint.path(), std::move(type), std::move(config), std::move(tensors)};
}

struct Plan {
  PlannedModel model;
  RunShape shape;
  int parts_of_rank = 1;  // that share its memory and its time
  RankMemory memory;
  // Where all weights are in memory: what it takes with the fewest experts there.
  std::optional<RankMemory> mapped;
  int64_t available_bytes = 0;
  int64_t largest_context = 0;
  StepWork decode, prefill;
  double read_bytes_per_s = 0;
  double ops_per_s = 0;                // 0: not measured
  std::vector<FittingChange> changes;  // where it does not fit

  bool fits() const { return memory.total() <= available_bytes; }
  double tokens_per_s() const {
    return static_cast<double>(shape.num_sequences) * read_bytes_per_s / decode.bytes /
           parts_of_rank;
  }
  double prefill_tokens_per_s() const {
    const auto rows = static_cast<double>(std::min(shape.prefill_chunk, shape.context));
    return rows / std::max(prefill.bytes / read_bytes_per_s, prefill.ops / ops_per_s) /
           parts_of_rank;
  }
};

// The best arithmetic that products with most of the weights can run on here.
double BestOps(const Roof& roof, std::span<const PlannedTensor> tensors) {
  const auto largest = std::max_element(
      tensors.begin(), tensors.end(), [](const PlannedTensor& a, const PlannedTensor& b) {
        return a.count * a.rows * a.cols < b.count * b.rows * b.cols;
      });
  return roof.OpsPerSecond(BestArithmetic(FormFor(ComputeMode::kAuto, largest->dtype)));
}

void MeasureRates(Plan& plan) {
  ThreadPool pool(plan.shape.num_threads);
  RoofMeter meter(pool);
  meter.Measure();
  plan.read_bytes_per_s = meter.roof().read_bytes_per_s;
  plan.ops_per_s = BestOps(meter.roof(), plan.model.tensors);
}

// Decides where experts are.
void PlanExperts(const PlanOptions& options, Plan& plan) {
  if (options.expert_cache && options.weights == "resident") {
    throw UsageError("--expert-cache: expected --weights mapped or auto, found resident");
  }
  const PlannedModel& model = plan.model;
  const int64_t least = LeastExpertCache(model.config, model.tensors, plan.shape);
  const std::optional<int64_t> asked =
      options.expert_cache ? std::optional(ParseBytesFlag("--expert-cache", *options.expert_cache))
                           : std::nullopt;
  RunShape mapped = plan.shape;
  mapped.expert_cache_bytes = asked.value_or(least);
  const bool leaves_experts =
      options.weights == "auto" && least > 0 &&
      PlanRun(model.config, model.tensors, plan.shape).total() > plan.available_bytes;
  if (leaves_experts && !asked) {
    mapped.expert_cache_bytes =
        ChosenExpertCache(model.config, model.tensors, plan.shape, plan.available_bytes);
  }
  if (options.weights == "mapped" || leaves_experts) {
    plan.shape = mapped;
  } else if (least > 0) {
    plan.mapped = PlanRun(model.config, model.tensors, mapped);
  }
}

Plan MakePlan(const PlanOptions& options) {
  Plan plan;
  plan.model = FindModel(options);
  const Config& config = plan.model.config;
  const int64_t longest = config.max_position_embeddings;
  plan.shape.context = options.context.value_or(std::min(kDefaultContext, longest));
  if (plan.shape.context > longest) {
    throw UsageError(
        fmt::format("--context: expected at most {}, max_position_embeddings, found {}", longest,
                    plan.shape.context));
  }
  plan.shape.num_sequences = options.num_sequences.value_or(1);
  const auto num_ranks = static_cast<int>(options.num_ranks.value_or(1));
  if (options.ranks_are_reproducible) plan.parts_of_rank = ReproducibleParts(num_ranks);
  plan.shape.ranks = MakeGrid(num_ranks * plan.parts_of_rank, options.expert_groups);
  plan.shape.kv_dtype = options.model.kv_dtype();
  plan.shape.num_threads = options.model.num_threads();
  plan.available_bytes = options.memory ? ParseBytesFlag("--memory", *options.memory)
                                        : DescribeMachine().available_bytes;
  plan.available_bytes /= plan.parts_of_rank;
  PlanExperts(options, plan);
  plan.memory = PlanRun(config, plan.model.tensors, plan.shape);
  plan.largest_context =
      LargestContext(config, plan.model.tensors, plan.shape, plan.available_bytes);
  plan.decode = DecodeWork(config, plan.model.tensors, plan.shape);
  plan.prefill = PrefillWork(config, plan.model.tensors, plan.shape);
  if (options.read_rate) {
    plan.read_bytes_per_s = static_cast<double>(ParseBytesFlag("--read-rate", *options.read_rate));
  } else {
    MeasureRates(plan);
  }
  if (!plan.fits()) {
    plan.changes = FindFittingChanges(config, plan.model.tensors, plan.shape, plan.available_bytes);
    if (options.ranks_are_reproducible) {
      std::erase_if(plan.changes, [](const FittingChange& change) {
        return change.flag.starts_with("--ranks ");  // of parts there are always 8
      });
    }
  }
  return plan;
}

// The parts of a rank's memory, as both outputs name them.
std::vector<std::pair<std::string, int64_t>> PartsOf(const RankMemory& memory) {
  std::vector<std::pair<std::string, int64_t>> parts;
  for (size_t i = 0; i < kNumParameterClasses; ++i) {
    if (memory.weights[i] == 0) continue;
    parts.emplace_back(NameOf(static_cast<ParameterClass>(i)), memory.weights[i]);
  }
  parts.emplace_back("kv of full layers", memory.kv_full);
  parts.emplace_back("kv of sliding layers", memory.kv_sliding);
  parts.emplace_back("activations", memory.activations);
  parts.emplace_back("logits", memory.logits);
  parts.emplace_back("program", memory.program);
  return parts;
}

Json ToJson(const Plan& plan) {
  Json json = {{"model", plan.model.name},
               {"type", plan.model.type},
               {"context", plan.shape.context},
               {"sequences", plan.shape.num_sequences},
               {"ranks", plan.shape.ranks.num_ranks / plan.parts_of_rank},
               {"parts_of_rank", plan.parts_of_rank},
               {"expert_groups", plan.shape.ranks.expert_groups},
               {"kv_type", NameOf(plan.shape.kv_dtype)}};
  json["weights"] = plan.shape.expert_cache_bytes ? "mapped" : "resident";
  for (const auto& [name, bytes] : PartsOf(plan.memory)) json["bytes"][name] = bytes;
  json["weight_bytes"] = plan.memory.weight_bytes();
  json["total_bytes"] = plan.memory.total();
  if (plan.mapped) json["mapped_total_bytes"] = plan.mapped->total();
  json["available_bytes"] = plan.available_bytes;
  json["fits"] = plan.fits();
  json["largest_context"] = plan.largest_context;
  json["decode_step_bytes"] = static_cast<int64_t>(plan.decode.bytes);
  json["read_bytes_per_s"] = plan.read_bytes_per_s;
  json["tokens_per_s_at_most"] = plan.tokens_per_s();
  json["prefill_tokens_per_s_at_most"] =
      plan.ops_per_s > 0 ? Json(plan.prefill_tokens_per_s()) : Json();
  json["changes_that_fit"] = Json::array();
  for (const FittingChange& change : plan.changes) {
    json["changes_that_fit"].push_back(
        {{"flag", change.flag}, {"total_bytes", change.memory.total()}});
  }
  return json;
}

std::string Row(std::string_view name, std::string_view value) {
  return fmt::format("{:<24}{:>12}\n", name, value);
}

std::string RanksText(const RankGrid& ranks, int parts_of_rank) {
  if (ranks.num_ranks == 1) return "1 rank";
  std::string text = parts_of_rank == 1 ? fmt::format("each of {} ranks", ranks.num_ranks)
                                        : fmt::format("each of {} parts, {} a rank",
                                                      ranks.num_ranks, parts_of_rank);
  if (ranks.expert_groups > 1) text += fmt::format(", experts in {} groups", ranks.expert_groups);
  return text;
}

std::string ToText(const Plan& plan) {
  const RunShape& shape = plan.shape;
  const std::string_view weights =
      shape.expert_cache_bytes ? " with most experts in the files" : "";
  std::string text = fmt::format(
      "{}, {}{}: {} of {} tokens, {} cache, {}\n\n", Printable(plan.model.name, 1000),
      plan.model.type, weights,
      shape.num_sequences == 1 ? "1 sequence"
                               : fmt::format("{} sequences", DigitGroups(shape.num_sequences)),
      DigitGroups(shape.context), NameOf(shape.kv_dtype),
      RanksText(shape.ranks, plan.parts_of_rank));
  for (const auto& [name, bytes] : PartsOf(plan.memory)) text += Row(name, ByteText(bytes));
  text += Row("total", ByteText(plan.memory.total()));
  if (plan.mapped) text += Row("with --weights mapped", ByteText(plan.mapped->total()));
  text += Row("available", ByteText(plan.available_bytes));
  text += Row("largest context", DigitGroups(plan.largest_context));
  text += Row("a decode step reads", ByteText(static_cast<int64_t>(plan.decode.bytes)));
  text += fmt::format("{:<24}{:>12.1f} tokens/s, reading {}/s{}\n", "decode at most",
                      plan.tokens_per_s(), ByteText(static_cast<int64_t>(plan.read_bytes_per_s)),
                      shape.ranks.num_ranks > 1 ? ", communication apart" : "");
  if (plan.ops_per_s > 0) {
    text += fmt::format("{:<24}{:>12.1f} tokens/s, {:.0f} GOP/s\n", "prefill at most",
                        plan.prefill_tokens_per_s(), plan.ops_per_s / 1e9);
  }
  if (plan.fits()) return text + "\nIt fits.\n";
  text += fmt::format("\nIt does not fit: {} too much.",
                      ByteText(plan.memory.total() - plan.available_bytes));
  if (plan.changes.empty()) return text + " No single change makes it fit.\n";
  text += " Each of these makes it fit:\n";
  for (const FittingChange& change : plan.changes) {
    text += fmt::format("  {:<20}{:>12}\n", change.flag, ByteText(change.memory.total()));
  }
  return text;
}

}  // namespace

int PlanCommand(CommandArguments arguments) {
  PlanOptions options;
  if (ParseOptions(arguments, options) == ParseOutcome::kHelpShown) return 0;
  const Plan plan = MakePlan(options);
  WriteOutput(options.is_json ? JsonText(ToJson(plan)) + "\n" : ToText(plan));
  return plan.fits() ? 0 : 1;
}

}  // namespace trinity

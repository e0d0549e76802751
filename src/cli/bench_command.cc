#include "cli/bench_command.h"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "base/json_text.h"
#include "cli/amount_text.h"
#include "cli/cancel_on_interrupt.h"
#include "cli/communication_text.h"
#include "cli/expert_traffic_text.h"
#include "cli/loaded_model.h"
#include "cli/machine_json.h"
#include "cli/peak_memory.h"
#include "cli/roof_chart.h"
#include "cli/standard_output.h"
#include "generate/session.h"
#include "kernels/simd_target.h"
#include "measure/bench.h"
#include "measure/machine.h"
#include "model/memory_plan.h"

namespace trinity {
namespace {

constexpr const char* kFooter =
    R"(Each combination of --depth and --prompt is a prefill, each of --depth and --batch a decode
in which all sequences take a token a step. Token ids are random; logits are computed, nothing is
sampled. What a sequence holds already (its depth) is random keys and values, because the speed
does not depend on them. A cell that does not fit the model's positions or the memory is skipped.

tokens/s is the median of the repeats. GB/s counts the weights that were streamed and the visible
keys and values, once a step; GOP/s the products and sums of matrices and attention. "of roof" is
the time that these take at the roof, whichever takes longer, over the time taken. The roof is
measured in the same run with the same threads, before, between and after, and the best counts:
read bandwidth over 1 GiB, products and sums in registers. A share above 100% is an error.

Examples:
  trinity bench
  trinity bench /path/to/Trinity-Nano --prompt 512 --depth 0,8192 --batch 1,16 --kv-type f16
  trinity bench --prompt 0 --generate 64 --json
)";

struct BenchCommandOptions {
  ModelOptions model;
  std::vector<int64_t> prompts = {512, 2048};
  std::vector<int64_t> depths = {0, 8192, 32768};
  std::vector<int64_t> batches = {1, 4, 16};
  std::optional<int64_t> generate;
  std::optional<int64_t> repeats;
  std::optional<int64_t> prefill_chunk;
  std::optional<std::string> plot;
  bool is_json = false;
};

ParseOutcome ParseOptions(CommandArguments arguments, BenchCommandOptions& options) {
  constexpr int64_t kMostTokens = 1 << 24;
  CommandLine line("trinity bench",
                   "How fast a model runs, and how near to the roof of the machine", kFooter);
  line.AddPositional("MODEL", options.model.positional, kModelHelp);
  line.AddIntegers("-p,--prompt", options.prompts, {0, kMostTokens},
                   "Tokens of a prefill; 0: none. Default 512,2048");
  line.AddInteger("-n,--generate", options.generate, {0, kMostTokens},
                  "Tokens of a decode, for each sequence; 0: none. Default 128");
  line.AddIntegers("-d,--depth", options.depths, {0, kMostTokens},
                   "Tokens that each sequence holds already. Default 0,8192,32768");
  line.AddIntegers("-b,--batch", options.batches, {1, 4096},
                   "Sequences that decode together. Default 1,4,16");
  line.AddInteger("-r,--repeat", options.repeats, {1, 1000},
                  "How often each cell is measured. Default 3");
  line.AddInteger("--prefill-chunk", options.prefill_chunk, {1, 1 << 20},
                  "Tokens of a prefill that are computed at once; default 512");
  options.model.AddTo(line);
  options.model.AddKvTypeTo(line);
  options.model.AddLoadingTo(line, "auto");
  line.AddText("--plot", options.plot, "FILE", "Draw the shares of the roof as an SVG image");
  line.AddFlag("--json", options.is_json,
               "Print one JSON object: machine, model, results (kind, depth, batch, tokens, "
               "tokens_per_s, tokens_per_s_min, tokens_per_s_max, gb_per_s, gop_per_s, roof_share, "
               "bound_by; experts where they stay in the files: asked, read, hit_rate, bytes_read, "
               "bytes_read_per_token, read_s), communication (of rank 0, by operation: calls, "
               "bytes, seconds), skipped");
  return line.Parse(arguments);
}

std::vector<BenchCell> CellsOf(const BenchCommandOptions& options) {
  constexpr int64_t kDefaultGenerate = 128;
  const int64_t generate = options.generate.value_or(kDefaultGenerate);
  std::vector<BenchCell> cells;
  for (const int64_t depth : options.depths) {
    for (const int64_t prompt : options.prompts) {
      if (prompt > 0) cells.push_back({BenchKind::kPrefill, depth, 1, prompt});
    }
    for (const int64_t batch : options.batches) {
      if (generate > 0) cells.push_back({BenchKind::kDecode, depth, batch, generate});
    }
  }
  if (cells.empty()) throw UsageError("--prompt and --generate: expected one of them above 0");
  return cells;
}

// A cell that cannot be run here.
struct SkippedCell {
  BenchCell cell;
  std::string reason;
};

std::string NameOf(const BenchCell& cell) {
  std::string name(NameOf(cell.kind));
  if (cell.kind == BenchKind::kPrefill) name += fmt::format(" of {}", DigitGroups(cell.tokens));
  if (cell.batch > 1) name += fmt::format(" of {} sequences", cell.batch);
  return cell.depth > 0 ? fmt::format("{} at {}", name, DigitGroups(cell.depth)) : name;
}

Json ToJson(const BenchCell& cell) {
  return {{"kind", NameOf(cell.kind)},
          {"depth", cell.depth},
          {"batch", cell.batch},
          {"tokens", cell.tokens}};
}

// Of the cell that takes least, since others are skipped where they do not fit.
RunShape SmallestShape(const BenchCommandOptions& options, std::span<const BenchCell> cells) {
  const auto smallest =
      std::min_element(cells.begin(), cells.end(), [](const BenchCell& a, const BenchCell& b) {
        return a.batch * (a.depth + a.tokens) < b.batch * (b.depth + b.tokens);
      });
  RunShape shape;
  shape.context = smallest->depth + smallest->tokens;
  shape.num_sequences = smallest->batch;
  shape.prefill_chunk = options.prefill_chunk.value_or(shape.prefill_chunk);
  return shape;
}

// A model on its way through all cells.
class BenchRun {
 public:
  explicit BenchRun(const BenchCommandOptions& options)
      : options_(options),
        cells_(CellsOf(options)),
        checkpoint_(OpenModelCheckpoint(options.model.path())),
        loaded_(LoadModel(checkpoint_, options.model, SmallestShape(options, cells_))),
        arithmetic_(ArithmeticOf(options.model.compute_mode(), checkpoint_)),
        weights_(PlanWeights(loaded_.model->config(), checkpoint_).Total()),
        meter_(loaded_.model->pool(), weights_.bytes) {}

  int Execute() {
    RunCells();
    WriteOutput(options_.is_json ? JsonText(ToJson()) + "\n" : ToText());
    if (options_.plot) WritePlot();
    for (const BenchResult& result : results_) {
      if (ShareOf(result).share > 1) {
        Fail(
            "{}: expected at most 100% of the roof, found {:.1f}%: the machine was busy while its "
            "roof was measured; run it again",
            NameOf(result.cell), 100 * ShareOf(result).share);
      }
    }
    return 0;
  }

 private:
  using Clock = std::chrono::steady_clock;

  void RunCells() {
    BenchOptions bench_options;
    bench_options.kv_dtype = options_.model.kv_dtype();
    bench_options.prefill_chunk = options_.prefill_chunk.value_or(SessionOptions().prefill_chunk);
    bench_options.repeats = options_.repeats.value_or(bench_options.repeats);
    Bench bench(*loaded_.model, bench_options);
    CancelToken cancel;
    const CancelOnInterrupt cancel_on_interrupt(cancel);
    MeasureRoof();
    for (const BenchCell& cell : cells_) {
      if (std::optional<std::string> reason = bench.ReasonToSkip(cell)) {
        skipped_.push_back({cell, std::move(*reason)});
        continue;
      }
      if (NoticesAreShown()) WriteNotice(fmt::format("\r{}\x1b[K", NameOf(cell)));
      const std::optional<BenchResult> result = bench.Run(cell, cancel);
      if (NoticesAreShown()) WriteNotice("\r\x1b[K");
      if (!result) throw Interrupted();
      results_.push_back(*result);
      constexpr std::chrono::seconds kRoofInterval{10};
      if (Clock::now() - roof_time_ > kRoofInterval) MeasureRoof();
    }
    MeasureRoof();
    constexpr int kMoreTries = 5;
    for (int i = 0; i < kMoreTries && IsAboveRoof(); ++i) MeasureRoof();
  }

  void MeasureRoof() {
    meter_.Measure();
    roof_time_ = Clock::now();
  }

  bool IsAboveRoof() const {
    for (const BenchResult& result : results_) {
      if (ShareOf(result).share > 1) return true;
    }
    return false;
  }

  RoofShare ShareOf(const BenchResult& result) const {
    return trinity::ShareOf(result, meter_.roof(), arithmetic_);
  }

  Json ToJson() const {
    Json json;
    json["machine"] = MachineJson(DescribeMachine(), meter_.roof());
    json["machine"]["threads"] = loaded_.model->pool().num_threads();
    json["model"] = {{"path", checkpoint_.path()},
                     {"weight_bytes", weights_.bytes},
                     {"active_weight_bytes", weights_.active_bytes},
                     {"load_s", loaded_.load_s},
                     {"peak_memory_bytes", PeakMemoryBytes()},
                     {"kv_type", options_.model.kv_type},
                     {"compute", options_.model.compute},
                     {"arithmetic", NameOf(arithmetic_)}};
    if (const auto& store = loaded_.model->weights().expert_store) {
      json["model"]["expert_cache_bytes"] = store->cache_bytes();
    }
    json["results"] = Json::array();
    for (const BenchResult& result : results_) json["results"].push_back(ResultJson(result));
    json["communication"] = CommunicationJson(loaded_.model->ranks());
    json["skipped"] = Json::array();
    for (const SkippedCell& skipped : skipped_) {
      Json cell = trinity::ToJson(skipped.cell);
      cell["reason"] = skipped.reason;
      json["skipped"].push_back(std::move(cell));
    }
    return json;
  }

  Json ResultJson(const BenchResult& result) const {
    const RoofShare share = ShareOf(result);
    Json json = trinity::ToJson(result.cell);
    json["tokens_per_s"] = result.tokens_per_s();
    json["tokens_per_s_min"] = result.tokens_per_s_min();
    json["tokens_per_s_max"] = result.tokens_per_s_max();
    json["gb_per_s"] = result.bytes_per_s() / 1e9;
    json["gop_per_s"] = result.ops_per_s() / 1e9;
    json["roof_share"] = share.share;
    json["bound_by"] = share.is_bound_by_reading ? "reading" : "arithmetic";
    if (result.experts) {
      json["experts"] =
          ExpertTrafficJson(*result.experts, result.repeats * result.cell.total_tokens());
    }
    return json;
  }

  std::string ToText() const {
    std::string text =
        fmt::format("{}: {}, {} read a token; {} threads, {}, {} cache, products in {}\n",
                    Printable(checkpoint_.path(), 1000), ByteText(weights_.bytes),
                    ByteText(weights_.active_bytes), loaded_.model->pool().num_threads(),
                    ActiveSimdTarget(), options_.model.kv_type, trinity::NameOf(arithmetic_));
    text += RoofText(meter_.roof());
    text += fmt::format("\n{:<8}{:>8}{:>7}{:>8}{:>11}{:>24}{:>8}{:>9}{:>9}\n", "kind", "depth",
                        "batch", "tokens", "tokens/s", "spread", "GB/s", "GOP/s", "of roof");
    for (const BenchResult& result : results_) text += RowText(result);
    for (const SkippedCell& skipped : skipped_) {
      text += fmt::format("{:<8}{:>8}{:>7}{:>8}  skipped: {}\n", NameOf(skipped.cell.kind),
                          DigitGroups(skipped.cell.depth), skipped.cell.batch,
                          DigitGroups(skipped.cell.tokens), skipped.reason);
    }
    if (loaded_.model->ranks().size() > 1) text += "\n";
    return text + CommunicationText(loaded_.model->ranks());
  }

  std::string RowText(const BenchResult& result) const {
    const RoofShare share = ShareOf(result);
    const std::string spread =
        fmt::format("{:.1f} to {:.1f}", result.tokens_per_s_min(), result.tokens_per_s_max());
    std::string text =
        fmt::format("{:<8}{:>8}{:>7}{:>8}{:>11.1f}{:>24}{:>8.2f}{:>9.1f}{:>8.1f}% {}\n",
                    NameOf(result.cell.kind), DigitGroups(result.cell.depth), result.cell.batch,
                    DigitGroups(result.cell.tokens), result.tokens_per_s(), spread,
                    result.bytes_per_s() / 1e9, result.ops_per_s() / 1e9, 100 * share.share,
                    share.is_bound_by_reading ? "(reading)" : "(arithmetic)");
    if (result.experts) {
      const int64_t tokens = result.repeats * result.cell.total_tokens();
      text += fmt::format("  {}\n", ExpertTrafficText(*result.experts, tokens));
    }
    return text;
  }

  void WritePlot() const {
    std::vector<RoofBar> bars;
    for (const BenchResult& result : results_) {
      bars.push_back({NameOf(result.cell), fmt::format("{:.1f} tokens/s", result.tokens_per_s()),
                      ShareOf(result).share});
    }
    const std::string subtitle = fmt::format(
        "Share of what the machine can do: {:.1f} GB/s, {:.0f} GOP/s; {} threads",
        meter_.roof().read_bytes_per_s / 1e9, meter_.roof().OpsPerSecond(arithmetic_) / 1e9,
        loaded_.model->pool().num_threads());
    AtomicFile file(*options_.plot);
    file.Append(RoofChartSvg(checkpoint_.path(), subtitle, bars));
    file.Commit();
  }

  const BenchCommandOptions& options_;
  std::vector<BenchCell> cells_;
  Checkpoint checkpoint_;
  LoadedModel loaded_;
  Arithmetic arithmetic_;
  WeightCount weights_;
  RoofMeter meter_;
  Clock::time_point roof_time_;
  std::vector<BenchResult> results_;
  std::vector<SkippedCell> skipped_;
};

}  // namespace

int BenchCommand(CommandArguments arguments) {
  BenchCommandOptions options;
  if (ParseOptions(arguments, options) == ParseOutcome::kHelpShown) return 0;
  if (options.plot) RequireFileOrNone(*options.plot);
  return BenchRun(options).Execute();
}

}  // namespace trinity

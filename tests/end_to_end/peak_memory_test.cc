#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "convert/preset_config.h"
#include "convert/synth_gguf.h"
#include "measure/bench.h"
#include "model/gguf_config.h"
#include "plan/run_plan.h"
#include "tests/end_to_end/run_trinity.h"
#include "tests/support/paths.h"
#include "train/rank_gradients.h"

// The sanitizers keep memory of their own beside every byte.
#if !defined(TRINITY_SANITIZED)

namespace trinity {
namespace {

// One run of a model whose peak of memory is planned and measured.
struct Case {
  std::string path;
  int64_t context;
  DType kv_dtype;
  int64_t num_sequences = 1;
  int64_t last_tokens = 1;  // of each sequence that are computed, in one step
  std::optional<int64_t> expert_cache_bytes = {};
};

// VmHWM, the most that was resident at a time. Weights are read into memory of the process's own,
// so the page cache of their file is no part of it.
int64_t PeakBytes() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    int64_t kib = 0;
    if (word == "VmHWM:" && status >> kib) return kib * 1024;
  }
  return 0;
}

Checkpoint OpenModel(const std::string& path) {
  Checkpoint checkpoint = Checkpoint::Open(path);
  TranslateGguf(checkpoint);
  return checkpoint;
}

// Of work in a process of its own.
int64_t PeakOf(const std::function<void()>& work) {
  int channel[2];
  if (pipe(channel) != 0) return 0;
  const pid_t child = fork();
  if (child == 0) {
    work();
    const int64_t peak = PeakBytes();
    _exit(write(channel[1], &peak, sizeof(peak)) == sizeof(peak) ? 0 : 1);
  }
  close(channel[1]);
  int64_t peak = 0;
  const bool is_read = read(channel[0], &peak, sizeof(peak)) == sizeof(peak);
  close(channel[0]);
  int status = 0;
  waitpid(child, &status, 0);
  return is_read && WIFEXITED(status) && WEXITSTATUS(status) == 0 ? peak : 0;
}

// What a sequence holds is filled in and not computed, but for its last tokens.
int64_t MeasurePeak(const Case& run, int num_threads) {
  return PeakOf([&] {
    ThreadPool pool(num_threads);
    const Checkpoint checkpoint = OpenModel(run.path);
    LoadOptions load;
    load.expert_cache_bytes = run.expert_cache_bytes;
    const auto model = Model::Load(checkpoint, pool, load);
    BenchOptions options;
    options.kv_dtype = run.kv_dtype;
    options.repeats = 1;
    options.prefill_chunk = run.last_tokens;
    Bench bench(*model, options);
    bench.Run(
        {BenchKind::kPrefill, run.context - run.last_tokens, run.num_sequences, run.last_tokens},
        CancelToken());
  });
}

int64_t PlanPeak(const Case& run, int num_threads) {
  const Checkpoint checkpoint = OpenModel(run.path);
  const Config config = Config::FromJson(checkpoint.config(), run.path);
  RunShape shape;
  shape.context = run.context;
  shape.num_sequences = run.num_sequences;
  shape.kv_dtype = run.kv_dtype;
  shape.num_threads = num_threads;
  shape.expert_cache_bytes = run.expert_cache_bytes;
  shape.prefill_chunk = run.last_tokens * run.num_sequences;
  return PlanRun(config, PlanTensors(config, checkpoint), shape).total();
}

constexpr double kLeastTolerance = 64e6;

void ExpectPlanIsPeak(const Case& run) {
  constexpr int kNumThreads = 2;
  const auto planned = static_cast<double>(PlanPeak(run, kNumThreads));
  const auto peak = static_cast<double>(MeasurePeak(run, kNumThreads));
  EXPECT_NEAR(planned, peak, std::max(0.02 * peak, kLeastTolerance))
      << run.path << ", " << run.num_sequences << " sequences of " << run.context << " tokens in "
      << NameOf(run.kv_dtype);
}

// Nano's true widths; few layers, few experts and a small vocabulary, so that it is written fast.
Json FewLayersOfNano() {
  Json config = KeepLayers(PresetConfig("nano"), 4);
  config["num_experts"] = 8;
  config["num_experts_per_tok"] = 4;
  config["vocab_size"] = 4096;
  return config;
}

TEST(PeakMemory, IsWhatIsPlannedForTypesAndContexts) {
  const TemporaryFolder folder;
  for (const char* type : {"bf16", "q4_k_m", "q8_0"}) {
    SynthGgufOptions options;
    options.path = folder / (std::string(type) + ".gguf");
    options.type = FindWeightType(type).value();
    {
      ThreadPool pool(2);
      SynthesizeGguf(FewLayersOfNano(), options, pool, nullptr);
    }
    ExpectPlanIsPeak({options.path, 512, DType::kF32, 1, 512});
    ExpectPlanIsPeak({options.path, 131072, DType::kF32, 1, 8});
    ExpectPlanIsPeak({options.path, 131072, DType::kQ8_0, 1, 8});
    ExpectPlanIsPeak({options.path, 32768, DType::kF16, 4, 8});
    ExpectPlanIsPeak({options.path, 32768, DType::kF16, 1, 64, 4 << 20});
  }
}

// A model whose weights are several times what a plan may be wrong by.
std::string WriteManyExperts(const TemporaryFolder& folder) {
  Json config = KeepLayers(PresetConfig("nano"), 6);
  config["num_experts"] = 96;
  config["vocab_size"] = 4096;
  SynthGgufOptions options;
  options.path = folder / "q8_0.gguf";
  options.type = FindWeightType("q8_0").value();
  ThreadPool pool(2);
  SynthesizeGguf(config, options, pool, nullptr);
  return options.path;
}

const std::string& ManyExperts() {
  static const TemporaryFolder folder;
  static const std::string path = WriteManyExperts(folder);
  return path;
}

TEST(PeakMemory, IsWhatIsPlannedWhereWeightsAreMostOfIt) {
  const std::string& path = ManyExperts();
  ASSERT_GT(static_cast<double>(Checkpoint::Open(path).total_bytes()), 5 * kLeastTolerance);
  ExpectPlanIsPeak({path, 512, DType::kF32, 1, 8});
  ExpectPlanIsPeak({path, 512, DType::kF32, 1, 8, 100'000'000});
}

// The most that was resident of each process of a command through mpirun, by rank. Each is looked
// at while it runs.
std::vector<double> PeaksOfProcesses(int num_ranks, const std::string& command) {
  const TemporaryFolder folder;
  const std::string script = command +
                             " & while line=$(grep VmHWM /proc/$!/status); do echo \"$line\" > " +
                             folder.path() + "/$OMPI_COMM_WORLD_RANK; sleep 0.02; done; wait $!";
  const ProcessResult result = RunWithMpi(num_ranks, {"/bin/sh", "-c", script});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  std::vector<double> peaks;
  for (int rank = 0; rank < num_ranks; ++rank) {
    std::ifstream file(folder / std::to_string(rank));
    std::string name;
    double kib = 0;
    file >> name >> kib;
    peaks.push_back(kib * 1024);
  }
  return peaks;
}

TEST(PeakMemory, OfEachProcessIsWhatIsPlannedForItsPart) {
  const TemporaryFolder folder;
  const std::string& path = ManyExperts();
  const Checkpoint checkpoint = OpenModel(path);
  const Config config = Config::FromJson(checkpoint.config(), path);
  RunShape shape;
  shape.context = 8;
  shape.ranks = {2};
  const auto planned =
      static_cast<double>(PlanRun(config, PlanTensors(config, checkpoint), shape).total());
  const std::vector<double> peaks =
      PeaksOfProcesses(2, std::string(TRINITY_BINARY) + " logits " + path +
                              " --ids 1,2,3,4,5,6,7,8 --last 1 -t 1 --weights resident -o " +
                              folder.path() + "/logits");
  for (const double peak : peaks) {
    EXPECT_NEAR(planned, peak, std::max(0.02 * peak, kLeastTolerance));
  }
}

TEST(PeakMemory, OfABackwardPassIsWhatIsPlanned) {
  const TemporaryFolder folder;
  SynthGgufOptions options;
  options.path = folder / "bf16.gguf";
  options.type = FindWeightType("bf16").value();
  {
    ThreadPool pool(2);
    SynthesizeGguf(FewLayersOfNano(), options, pool, nullptr);
  }
  constexpr int64_t kTokens = 97;
  constexpr int kNumThreads = 2;
  const Checkpoint checkpoint = OpenModel(options.path);
  const Config config = Config::FromJson(checkpoint.config(), options.path);
  RunShape shape;
  shape.context = kTokens;
  shape.num_threads = kNumThreads;
  shape.backward_rows = kTokens - 1;
  const auto planned =
      static_cast<double>(PlanRun(config, PlanTensors(config, checkpoint), shape).total());
  const auto peak = static_cast<double>(PeakOf([&] {
    ThreadPool pool(kNumThreads);
    const auto model = Model::Load(checkpoint, pool);
    std::vector<std::vector<int32_t>> sequences(
        1);  // of many tokens, so that all experts are chosen
    for (int64_t i = 0; i < kTokens; ++i) {
      sequences[0].push_back(static_cast<int32_t>(i * 37 % config.vocab_size));
    }
    std::vector<float> values;  // as a comparison has a tensor of the golden beside its own
    VisitGradients(*model, sequences, [&](const std::string&, const Matrix& gradient) {
      values.assign(gradient.data(), gradient.data() + gradient.rows() * gradient.cols());
    });
  }));
  EXPECT_GT(peak, 2.5 * static_cast<double>(checkpoint.total_bytes()));
  EXPECT_NEAR(planned, peak, std::max(0.02 * peak, kLeastTolerance));
}

// Larger ones, whose 2% are more than what is fixed.
TEST(PeakMemory, IsWhatIsPlannedForModelsOfOnesOwn) {
  const char* const paths = std::getenv("TRINITY_PEAK_MODELS");
  if (paths == nullptr) GTEST_SKIP() << "TRINITY_PEAK_MODELS names no models, separated by ':'";
  std::istringstream list(paths);
  for (std::string path; std::getline(list, path, ':');) {
    ExpectPlanIsPeak({path, 4096, DType::kF32, 1, 512});
    ExpectPlanIsPeak({path, 32768, DType::kF16, 1, 64});
    ExpectPlanIsPeak({path, 4096, DType::kF32, 1, 512, 1 << 30});
  }
}

}  // namespace
}  // namespace trinity

#endif

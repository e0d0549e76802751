#include "cli/doctor_command.h"

#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "base/json_text.h"
#include "base/thread_pool.h"
#include "cli/amount_text.h"
#include "cli/machine_json.h"
#include "cli/standard_output.h"
#include "convert/preset_config.h"
#include "kernels/simd_target.h"
#include "measure/machine.h"
#include "measure/roof.h"
#include "plan/run_plan.h"

namespace trinity {
namespace {

constexpr const char* kFooter =
    R"(Expected speeds are what reading allows: the bytes that a token needs (active weights, and
keys and values of half the context in f16) at the read bandwidth measured here. A good engine
comes to 80% and more of it; `trinity bench` shows where a model stands.

Examples:
  trinity doctor
  trinity doctor --context 32768 --json
)";

struct DoctorOptions {
  std::optional<int64_t> threads;
  std::optional<int64_t> context;
  bool is_json = false;
};

ParseOutcome ParseOptions(CommandArguments arguments, DoctorOptions& options) {
  CommandLine line("trinity doctor",
                   "What this machine is, and how fast which model could run on it", kFooter);
  line.AddInteger("-c,--context", options.context, {1, 1 << 20},
                  "Tokens of the sequence that memory and speed are told for; default 8192");
  line.AddInteger("-t,--threads", options.threads, {1, 1024},
                  "Threads to measure with; default: the physical cores that this process may use");
  line.AddFlag("--json", options.is_json, "Print one JSON object with all of it");
  return line.Parse(arguments);
}

// One size of the family in one type, and how it would run.
struct Expectation {
  std::string size;
  std::string type;
  RankMemory memory;
  bool fits = false;
  double step_bytes = 0;    // read for a token, half of the context being full
  double tokens_per_s = 0;  // of one sequence, at the roof of reading
};

Expectation Expect(const std::string& size, const std::string& type, RunShape shape,
                   const Machine& machine, double read_bytes_per_s) {
  const Config config = Config::FromJson(PresetConfig(size), size);
  const std::vector<PlannedTensor> tensors = PlanTensors(config, type);
  Expectation expected = {size, type, PlanRun(config, tensors, shape)};
  expected.fits = expected.memory.total() <= machine.available_bytes;
  shape.context /= 2;
  expected.step_bytes = DecodeWork(config, tensors, shape).bytes;
  expected.tokens_per_s = read_bytes_per_s / expected.step_bytes;
  return expected;
}

struct Diagnosis {
  Machine machine;
  Roof roof;
  int64_t context = 0;
  int num_threads = 0;
  std::vector<Expectation> expectations;
};

Diagnosis Diagnose(const DoctorOptions& options) {
  constexpr int64_t kDefaultContext = 8192;
  Diagnosis found;
  found.context = options.context.value_or(kDefaultContext);
  ThreadPool pool(options.threads ? static_cast<int>(*options.threads)
                                  : ThreadPool::DefaultNumThreads());
  found.num_threads = pool.num_threads();
  found.machine = DescribeMachine();
  RoofMeter meter(pool);
  meter.Measure();
  found.roof = meter.roof();
  RunShape shape;
  shape.context = found.context;
  shape.kv_dtype = DType::kF16;
  shape.num_threads = found.num_threads;
  for (const std::string& size : PresetNames()) {
    for (const char* type : {"bf16", "q8_0", "q6_k", "q5_k_m", "q4_k_m", "q4_0"}) {
      found.expectations.push_back(
          Expect(size, type, shape, found.machine, found.roof.read_bytes_per_s));
    }
  }
  return found;
}

Json ToJson(const Diagnosis& found) {
  Json json;
  json["machine"] = MachineJson(found.machine, found.roof);
  json["machine"]["threads"] = found.num_threads;
  json["context"] = found.context;
  json["models"] = Json::array();
  for (const Expectation& e : found.expectations) {
    json["models"].push_back({{"size", e.size},
                              {"type", e.type},
                              {"weight_bytes", e.memory.weight_bytes()},
                              {"decode_step_bytes", static_cast<int64_t>(e.step_bytes)},
                              {"memory_bytes", e.memory.total()},
                              {"fits", e.fits},
                              {"tokens_per_s", e.tokens_per_s}});
  }
  return json;
}

std::string Row(std::string_view name, std::string_view value) {
  return fmt::format("{:<14}{}\n", name, value);
}

std::string MachineText(const Diagnosis& found) {
  const Machine& m = found.machine;
  std::string text = Row("CPU", fmt::format("{}, {} logical CPUs, {} NUMA nodes", m.cpu_model,
                                            m.num_logical_cpus, m.num_numa_nodes));
  text += Row("threads", fmt::format("{}", found.num_threads));
  text += Row("SIMD", fmt::format("{} (of {})", ActiveSimdTarget(),
                                  fmt::join(AvailableSimdTargets(), ", ")));
  text += Row("memory", fmt::format("{}, {} available, {} swap", ByteText(m.memory_bytes),
                                    ByteText(m.available_bytes), ByteText(m.swap_bytes)));
  text += Row("huge pages",
              fmt::format("transparent: {}; reserved: {}, {} free",
                          m.transparent_huge_pages.empty() ? "unknown" : m.transparent_huge_pages,
                          m.num_huge_pages, m.num_free_huge_pages));
  const std::string memory_limit =
      m.cgroup_memory_bytes ? ByteText(*m.cgroup_memory_bytes) : "no limit";
  const std::string cpu_limit = m.cgroup_cpus ? fmt::format("{:.2f}", *m.cgroup_cpus) : "no limit";
  text += Row("cgroup", fmt::format("memory: {}; CPUs: {}", memory_limit, cpu_limit));
  return text + RoofText(found.roof);
}

std::string ToText(const Diagnosis& found) {
  std::string text = MachineText(found);
  text +=
      fmt::format("\nOne sequence of {} tokens, bound by reading:\n{:<8}{:<8}{:>12}{:>16}{:>14}\n",
                  DigitGroups(found.context), "size", "type", "memory", "read a token", "tokens/s");
  for (const Expectation& e : found.expectations) {
    text += fmt::format("{:<8}{:<8}{:>12}{:>16}{:>14}\n", e.size, e.type,
                        ByteText(e.memory.total()), ByteText(static_cast<int64_t>(e.step_bytes)),
                        e.fits ? fmt::format("{:.1f}", e.tokens_per_s) : "does not fit");
  }
  return text;
}

}  // namespace

int DoctorCommand(CommandArguments arguments) {
  DoctorOptions options;
  if (ParseOptions(arguments, options) == ParseOutcome::kHelpShown) return 0;
  const Diagnosis found = Diagnose(options);
  WriteOutput(options.is_json ? JsonText(ToJson(found)) + "\n" : ToText(found));
  return 0;
}

}  // namespace trinity

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <string>

#include "tokenizer/tokenizer.h"

namespace trinity {
namespace {

// $TRINITY_TOKENIZER, else the bundled one.
std::string TokenizerPath() {
  const char* path = std::getenv("TRINITY_TOKENIZER");
  return path != nullptr ? path : std::string(TRINITY_SOURCE_DIR) + "/models/trinity-pico";
}

const Tokenizer& TheTokenizer() {
  static const Tokenizer tokenizer = Tokenizer::Load(TokenizerPath());
  return tokenizer;
}

std::string Repeated(std::string_view text, size_t num_bytes) {
  std::string out;
  while (out.size() < num_bytes) out += text;
  return out;
}

constexpr size_t kTextBytes = 1'000'000;

constexpr std::string_view kProse =
    "The capital of France is Paris, which lies on the Seine. In 1889 it opened a tower, 330 m\n"
    "high, that people didn't like at first; today it's visited by millions. \"Why not?\" asked\n"
    "the engineer, and nobody answered.\n\n";
constexpr std::string_view kCode =
    "int main(int argc, char** argv) {\n  std::vector<int32_t> ids(1024, -1);\n"
    "  for (size_t i = 0; i < ids.size(); ++i) {\n    if (i % 3 == 0) ids[i] = 7 * i + 0x1F;\n"
    "  }\n  return ids.empty() ? 1 : 0;  // never\n}\n\n";
constexpr std::string_view kCjk =
    "\u6771\u4eac\u306f\u65e5\u672c\u306e\u9996\u90fd\u3067\u3059\u3002 Tokyo 2024\u5e74, "
    "\u4eba\u53e3\u306f\u7d041400\u4e07\u4eba\u3002\uc548\ub155\ud558\uc138\uc694 "
    "\uc138\uacc4! \u041f\u0440\u0438\u0432\u0435\u0442, \u043c\u0438\u0440.\n";

void Encode(benchmark::State& state, const std::string& text) {
  size_t num_ids = 0;
  for (auto _ : state) {
    num_ids = TheTokenizer().Encode(text, SpecialTokens::kLeaveOut).size();
    benchmark::DoNotOptimize(num_ids);
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * text.size()));
  state.counters["bytes_per_id"] = static_cast<double>(text.size()) / static_cast<double>(num_ids);
}

BENCHMARK_CAPTURE(Encode, prose, Repeated(kProse, kTextBytes));
BENCHMARK_CAPTURE(Encode, code, Repeated(kCode, kTextBytes));
BENCHMARK_CAPTURE(Encode, mixed_cjk, Repeated(kCjk, kTextBytes));
BENCHMARK_CAPTURE(Encode, equal_letters, std::string(100'000, 'a'));
BENCHMARK_CAPTURE(Encode, equal_spaces, std::string(100'000, ' '));
BENCHMARK_CAPTURE(Encode, digits, Repeated("1234567890", 100'000));
BENCHMARK_CAPTURE(Encode, short_prompt, std::string(kProse));

void Decode(benchmark::State& state) {
  const std::vector<int32_t> ids =
      TheTokenizer().Encode(Repeated(kProse, kTextBytes), SpecialTokens::kLeaveOut);
  for (auto _ : state) {
    benchmark::DoNotOptimize(TheTokenizer().Decode(ids, DecodeSpecial::kKeep));
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * ids.size()));
}
BENCHMARK(Decode);

void Load(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(Tokenizer::Load(TokenizerPath()));
}
BENCHMARK(Load)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace trinity

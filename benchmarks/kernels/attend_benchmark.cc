#include <benchmark/benchmark.h>

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "base/memory_block.h"
#include "benchmarks/kernels/core_roof.h"
#include "kernels/attend.h"

namespace trinity {
namespace {

constexpr int64_t kHeadDim = 128;

// `num_queries` queries over blocks of full pages: all keys seen, as in decode and in the part of
// a chunk's past. Pages of several kv heads together exceed the caches.
void BM_Attend(benchmark::State& state) {
  const int64_t num_keys = state.range(0);
  const int64_t num_queries = state.range(1);
  const auto dtype = static_cast<DType>(state.range(2));
  const auto precision = static_cast<AttentionPrecision>(state.range(3));
  const int64_t page_bytes = KvPageBytes(dtype, kHeadDim);
  const int64_t kv_heads = (192 << 20) / (num_keys / kKvPageTokens * page_bytes);
  const int64_t num_pages = kv_heads * num_keys / kKvPageTokens;
  MemoryBlock pages = MemoryBlock(num_pages * page_bytes);
  std::fill_n(pages.data(), num_pages * page_bytes, std::byte{0x3C});
  const std::vector<float> query(static_cast<size_t>(num_queries * kHeadDim), 0.5F);
  std::vector<float> values(query.size());
  std::vector<AttentionPartial> partials(static_cast<size_t>(num_queries));
  std::vector<BlockQuery> queries;
  for (int64_t i = 0; i < num_queries; ++i) {
    AttentionPartial& partial = partials[static_cast<size_t>(i)];
    partial = {-std::numeric_limits<float>::infinity(), 0, values.data() + i * kHeadDim};
    queries.push_back({query.data() + i * kHeadDim, 0, kAttentionBlockTokens, &partial});
  }
  for (auto _ : state) {
    for (int64_t page = 0; page < num_pages; page += kAttentionBlockPages) {
      std::array<const std::byte*, kAttentionBlockPages> block;
      for (int64_t j = 0; j < kAttentionBlockPages; ++j) {
        block[static_cast<size_t>(j)] = pages.data() + (page + j) * page_bytes;
      }
      AttendBlock(queries, {block, kHeadDim, dtype}, 0.088F, precision);
    }
  }
  state.SetLabel(std::string(NameOf(dtype)));
  const auto rounds = static_cast<double>(state.iterations());
  const double bytes = rounds * static_cast<double>(num_pages * page_bytes);
  const double ops =
      rounds * 4.0 * static_cast<double>(num_pages * kKvPageTokens * num_queries * kHeadDim);
  state.counters["GB/s"] = benchmark::Counter(bytes / 1e9, benchmark::Counter::kIsRate);
  state.counters["GFLOP/s"] = benchmark::Counter(ops / 1e9, benchmark::Counter::kIsRate);
  state.counters["of_read_roof"] =
      benchmark::Counter(bytes / CoreReadBytesPerSecond(), benchmark::Counter::kIsRate);
  state.counters["of_fma_roof"] =
      benchmark::Counter(ops / CoreOpsPerSecond(Arithmetic::kF32), benchmark::Counter::kIsRate);
}
constexpr int64_t kKvDTypes[] = {
    static_cast<int64_t>(DType::kF32), static_cast<int64_t>(DType::kF16),
    static_cast<int64_t>(DType::kBF16), static_cast<int64_t>(DType::kQ8_0)};
BENCHMARK(BM_Attend)
    ->ArgNames({"keys", "queries", "dtype", "bf16"})
    ->ArgsProduct(
        {{8192}, {1, 4, 8, 24, 48, 480}, {std::begin(kKvDTypes), std::end(kKvDTypes)}, {0, 1}})
    ->ArgsProduct({{2048, 32768}, {4, 48}, {std::begin(kKvDTypes), std::end(kKvDTypes)}, {0, 1}})
    ->Unit(benchmark::kMillisecond);

void BM_StoreKeyValue(benchmark::State& state) {
  const auto dtype = static_cast<DType>(state.range(0));
  std::vector<std::byte> page(static_cast<size_t>(KvPageBytes(dtype, kHeadDim)));
  const std::vector<float> row(kHeadDim, 0.7F);
  int64_t slot = 0;
  for (auto _ : state) {
    StoreKeyValue(row.data(), row.data(), kHeadDim, dtype, slot, page.data());
    slot = (slot + 1) % kKvPageTokens;
  }
  state.SetLabel(std::string(NameOf(dtype)));
}
BENCHMARK(BM_StoreKeyValue)
    ->Arg(static_cast<int>(DType::kF32))
    ->Arg(static_cast<int>(DType::kF16))
    ->Arg(static_cast<int>(DType::kBF16))
    ->Arg(static_cast<int>(DType::kQ8_0));

}  // namespace
}  // namespace trinity

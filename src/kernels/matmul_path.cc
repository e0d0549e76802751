#include "kernels/matmul_path.h"

#include <array>
#include <atomic>

namespace trinity {
namespace {

std::array<std::atomic<int64_t>, kNumMatMulPaths> counts{};

std::atomic<int64_t>& CountOf(MatMulPath path) { return counts[static_cast<size_t>(path)]; }

}  // namespace

int64_t MatMulCount(MatMulPath path) { return CountOf(path).load(std::memory_order_relaxed); }

void CountMatMul(MatMulPath path) { CountOf(path).fetch_add(1, std::memory_order_relaxed); }

}  // namespace trinity

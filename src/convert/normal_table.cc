#include "convert/normal_table.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <numbers>

#include "base/check.h"
#include "base/random.h"
#include "quant/half.h"

namespace trinity {
namespace {

constexpr int64_t kNumEntries = 65536;

// x with P(Z > x) = tail for a standard normal Z, by Newton's method from `start` <= x: the tail is
// convex for x > 0, so the steps come from the left and never overshoot.
double UpperQuantile(double tail, double start) {
  constexpr int kMaxSteps = 50;
  double x = start;
  for (int i = 0; i < kMaxSteps; ++i) {
    const double excess = 0.5 * std::erfc(x / std::numbers::sqrt2) - tail;
    const double density = std::exp(-0.5 * x * x) * std::numbers::inv_sqrtpi / std::numbers::sqrt2;
    const double step = excess / density;
    x += step;
    if (std::abs(step) < 1e-14) break;
  }
  return x;
}

// The midpoint quantiles (i + 0.5) / 65536, scaled so that their standard deviation is 1.
std::vector<double> StandardQuantiles() {
  constexpr int64_t kHalf = kNumEntries / 2;
  std::vector<double> quantiles(kNumEntries);
  double x = 0, sum_of_squares = 0;
  for (int64_t i = 0; i < kHalf; ++i) {
    const double tail = 0.5 - (static_cast<double>(i) + 0.5) / kNumEntries;
    x = UpperQuantile(tail, x);
    sum_of_squares += 2 * x * x;
    quantiles[static_cast<size_t>(kHalf + i)] = x;
    quantiles[static_cast<size_t>(kHalf - 1 - i)] = -x;
  }
  const double scale = 1 / std::sqrt(sum_of_squares / kNumEntries);
  for (double& quantile : quantiles) quantile *= scale;
  return quantiles;
}

template <typename T>
void FillFrom(const std::vector<T>& table, const std::array<uint64_t, 3>& place,
              std::span<std::byte> bytes) {
  constexpr size_t kBlockBytes = NormalTable::kValuesABlock * sizeof(T);
  uint64_t block = place[2] / NormalTable::kValuesABlock;
  // Bytes of the first block that come before the range.
  size_t skipped = place[2] % NormalTable::kValuesABlock * sizeof(T);
  for (size_t at = 0; at < bytes.size();) {
    const std::array<uint32_t, 4> bits = RandomBits(place[0], place[1], block++);
    T values[NormalTable::kValuesABlock];
    for (size_t i = 0; i < 4; ++i) {
      values[2 * i] = table[bits[i] & 0xFFFF];
      values[2 * i + 1] = table[bits[i] >> 16];
    }
    const size_t num_bytes = std::min(kBlockBytes - skipped, bytes.size() - at);
    std::memcpy(bytes.data() + at, reinterpret_cast<const std::byte*>(values) + skipped, num_bytes);
    at += num_bytes;
    skipped = 0;
  }
}

}  // namespace

NormalTable::NormalTable(DType dtype, double mean, double stddev) : dtype_(dtype) {
  TRINITY_CHECK(dtype == DType::kF32 || dtype == DType::kBF16);
  static const std::vector<double> standard = StandardQuantiles();
  for (const double quantile : standard) {
    const auto value = static_cast<float>(mean + stddev * quantile);
    if (dtype == DType::kF32) {
      floats_.push_back(value);
    } else {
      bfloat16s_.push_back(FloatToBFloat16(value));
    }
  }
}

void NormalTable::Fill(uint64_t seed, uint64_t stream, int64_t first_value,
                       std::span<std::byte> bytes) const {
  const std::array<uint64_t, 3> place = {seed, stream, static_cast<uint64_t>(first_value)};
  if (dtype_ == DType::kF32) {
    FillFrom(floats_, place, bytes);
  } else {
    FillFrom(bfloat16s_, place, bytes);
  }
}

}  // namespace trinity

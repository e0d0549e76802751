#include "kernels/row_sums.h"

#include "kernels/enabled_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/row_sums.cc"
#include "hwy/foreach_target.h"
//
#include "hwy/highway.h"
#include "kernels/widen.h"

HWY_BEFORE_NAMESPACE();
namespace trinity {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using FloatTag = hn::ScalableTag<float>;
using OneTag = hn::CappedTag<float, 1>;
constexpr int64_t kLanes = HWY_LANES(float);

// Vectors of the output that stay in registers while the rows pass by.
constexpr int64_t kHeldVectors = 4;

template <int64_t kVectors, class D>
HWY_INLINE void AddToVectors(D d, std::span<const float* const> rows, const float* weights,
                             int64_t at, float* out) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  hn::Vec<D> sums[kVectors];
  TRINITY_UNROLL for (int64_t v = 0; v < kVectors; ++v) {
    sums[v] = hn::LoadU(d, out + at + v * lanes);
  }
  for (size_t i = 0; i < rows.size(); ++i) {
    const auto weight = hn::Set(d, weights[i]);
    TRINITY_UNROLL for (int64_t v = 0; v < kVectors; ++v) {
      sums[v] = hn::MulAdd(weight, hn::LoadU(d, rows[i] + at + v * lanes), sums[v]);
    }
  }
  TRINITY_UNROLL for (int64_t v = 0; v < kVectors; ++v) {
    hn::StoreU(sums[v], d, out + at + v * lanes);
  }
}

void AddWeightedRowsOnTarget(std::span<const float* const> rows, const float* weights, int64_t size,
                             float* out) {
  const FloatTag d;
  int64_t at = 0;
  for (; at + kHeldVectors * kLanes <= size; at += kHeldVectors * kLanes) {
    AddToVectors<kHeldVectors>(d, rows, weights, at, out);
  }
  for (; at + kLanes <= size; at += kLanes) AddToVectors<1>(d, rows, weights, at, out);
  for (; at < size; ++at) AddToVectors<1>(OneTag(), rows, weights, at, out);
}

// Sums run in kSumLanes lanes, value k in lane k % kSumLanes, whatever the width of a vector.
constexpr int64_t kSumLanes = 16;
constexpr int64_t kSumVectors = kSumLanes / kLanes;

HWY_INLINE float Dot(const float* a, const float* b, int64_t size) {
  const FloatTag d;
  hn::Vec<FloatTag> sums[kSumVectors];
  TRINITY_UNROLL for (int64_t v = 0; v < kSumVectors; ++v) sums[v] = hn::Zero(d);
  int64_t at = 0;
  for (; at + kSumLanes <= size; at += kSumLanes) {
    TRINITY_UNROLL for (int64_t v = 0; v < kSumVectors; ++v) {
      const int64_t k = at + v * kLanes;
      sums[v] = hn::MulAdd(hn::LoadU(d, a + k), hn::LoadU(d, b + k), sums[v]);
    }
  }
  HWY_ALIGN float lanes[kSumLanes];
  TRINITY_UNROLL for (int64_t v = 0; v < kSumVectors; ++v)
      hn::Store(sums[v], d, lanes + v * kLanes);
  const OneTag one;
  for (int64_t lane = 0; at < size; ++at, ++lane) {
    const auto sum = hn::LoadU(one, lanes + lane);
    hn::StoreU(hn::MulAdd(hn::LoadU(one, a + at), hn::LoadU(one, b + at), sum), one, lanes + lane);
  }
  for (int64_t width = kSumLanes / 2; width > 0; width /= 2) {
    for (int64_t lane = 0; lane < width; ++lane) lanes[lane] += lanes[lane + width];
  }
  return lanes[0];
}

void DotRowsOnTarget(const float* x, std::span<const float* const> rows, int64_t size, float* out) {
  for (size_t i = 0; i < rows.size(); ++i) out[i] = Dot(x, rows[i], size);
}

}  // namespace HWY_NAMESPACE
}  // namespace trinity
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace trinity {
namespace {

HWY_EXPORT(AddWeightedRowsOnTarget);
HWY_EXPORT(DotRowsOnTarget);

}  // namespace

void AddWeightedRows(std::span<const float* const> rows, const float* weights, int64_t size,
                     float* out) {
  HWY_DYNAMIC_DISPATCH(AddWeightedRowsOnTarget)(rows, weights, size, out);
}

void DotRows(const float* x, std::span<const float* const> rows, int64_t size, float* out) {
  HWY_DYNAMIC_DISPATCH(DotRowsOnTarget)(x, rows, size, out);
}

}  // namespace trinity
#endif  // HWY_ONCE

#include "kernels/elementwise.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/check.h"
#include "kernels/enabled_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/elementwise.cc"
#include "hwy/foreach_target.h"
//
#include "hwy/highway.h"
#include "kernels/exponential.h"
#include "kernels/widen.h"

HWY_BEFORE_NAMESPACE();
namespace trinity {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using FloatTag = hn::ScalableTag<float>;
using OneTag = hn::CappedTag<float, 1>;
constexpr int64_t kLanes = HWY_LANES(float);
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Calls op(tag, i) for vectors that together cover [0, size), each place once.
template <class Op>
HWY_INLINE void ForEachVector(int64_t size, const Op& op) {
  int64_t i = 0;
  for (; i + kLanes <= size; i += kLanes) op(FloatTag(), i);
  for (; i < size; ++i) op(OneTag(), i);
}

// Sums run in kSumLanes lanes, value i in lane i % kSumLanes, whatever the width of a vector.
constexpr int64_t kSumLanes = 16;
constexpr int64_t kSumVectors = kSumLanes / kLanes;

// The sum of term(d, vector of x) over x [size].
template <class Term>
HWY_INLINE float SumInLanes(const float* x, int64_t size, const Term& add_term) {
  const FloatTag d;
  hn::Vec<FloatTag> acc[kSumVectors];
  TRINITY_UNROLL for (int v = 0; v < kSumVectors; ++v) acc[v] = hn::Zero(d);
  int64_t i = 0;
  for (; i + kSumLanes <= size; i += kSumLanes) {
    TRINITY_UNROLL for (int v = 0; v < kSumVectors; ++v) {
      acc[v] = add_term(hn::LoadU(d, x + i + v * kLanes), acc[v]);
    }
  }
  HWY_ALIGN float lanes[kSumLanes];
  TRINITY_UNROLL for (int v = 0; v < kSumVectors; ++v) hn::Store(acc[v], d, lanes + v * kLanes);
  const OneTag one;
  for (int64_t lane = 0; i < size; ++i, ++lane) {
    hn::StoreU(add_term(hn::LoadU(one, x + i), hn::LoadU(one, lanes + lane)), one, lanes + lane);
  }
  for (int64_t width = kSumLanes / 2; width > 0; width /= 2) {
    for (int64_t lane = 0; lane < width; ++lane) lanes[lane] += lanes[lane + width];
  }
  return lanes[0];
}

// The largest value that is not NaN; -infinity where there is none.
HWY_INLINE float LargestOf(const float* x, int64_t size) {
  const FloatTag d;
  auto largest = hn::Set(d, -kInfinity);
  int64_t i = 0;
  for (; i + kLanes <= size; i += kLanes) {
    const auto value = hn::LoadU(d, x + i);
    largest = hn::IfThenElse(hn::Gt(value, largest), value, largest);
  }
  // Not MaxOfLanes: in EMU128 it knows nothing below the lowest finite value.
  HWY_ALIGN float lanes[kLanes];
  hn::Store(largest, d, lanes);
  float result = *std::max_element(lanes, lanes + kLanes);
  for (; i < size; ++i) result = x[i] > result ? x[i] : result;
  return result;
}

void RmsNormOnTarget(const float* x, const float* weight, float epsilon, int64_t size, float* out) {
  const float sum =
      SumInLanes(x, size, [](auto v, auto acc) HWY_ATTR { return hn::MulAdd(v, v, acc); });
  const float factor = 1.0F / std::sqrt(sum / static_cast<float>(size) + epsilon);
  ForEachVector(size, [=](auto d, int64_t i) HWY_ATTR {
    const auto normed = hn::Mul(hn::LoadU(d, x + i), hn::Set(d, factor));
    hn::StoreU(hn::Mul(normed, hn::LoadU(d, weight + i)), d, out + i);
  });
}

void AddOnTarget(const float* a, const float* b, int64_t size, float* out) {
  ForEachVector(size, [=](auto d, int64_t i) HWY_ATTR {
    hn::StoreU(hn::Add(hn::LoadU(d, a + i), hn::LoadU(d, b + i)), d, out + i);
  });
}

void ScaleOnTarget(float* x, float factor, int64_t size) {
  ForEachVector(size, [=](auto d, int64_t i) HWY_ATTR {
    hn::StoreU(hn::Mul(hn::LoadU(d, x + i), hn::Set(d, factor)), d, x + i);
  });
}

void SiluMultiplyOnTarget(const float* gate, const float* up, float factor, int64_t size,
                          float* out) {
  ForEachVector(size, [=](auto d, int64_t i) HWY_ATTR {
    const auto g = hn::LoadU(d, gate + i);
    const auto product = hn::Mul(hn::Mul(g, Logistic(d, g)), hn::LoadU(d, up + i));
    hn::StoreU(hn::Mul(product, hn::Set(d, factor)), d, out + i);
  });
}

void SigmoidMultiplyOnTarget(const float* x, const float* gate, int64_t size, float* out) {
  ForEachVector(size, [=](auto d, int64_t i) HWY_ATTR {
    const auto factor = Logistic(d, hn::LoadU(d, gate + i));
    hn::StoreU(hn::Mul(hn::LoadU(d, x + i), factor), d, out + i);
  });
}

void SigmoidOnTarget(const float* x, int64_t size, float* out) {
  ForEachVector(size, [=](auto d, int64_t i)
                          HWY_ATTR { hn::StoreU(Logistic(d, hn::LoadU(d, x + i)), d, out + i); });
}

void SoftmaxOnTarget(const float* x, int64_t size, float* out) {
  const float largest = LargestOf(x, size);
  ForEachVector(size, [=](auto d, int64_t i) HWY_ATTR {
    hn::StoreU(Exp(d, hn::Sub(hn::LoadU(d, x + i), hn::Set(d, largest))), d, out + i);
  });
  const float sum =
      SumInLanes(out, size, [](auto v, auto acc) HWY_ATTR { return hn::Add(acc, v); });
  ForEachVector(size, [=](auto d, int64_t i) HWY_ATTR {
    hn::StoreU(hn::Div(hn::LoadU(d, out + i), hn::Set(d, sum)), d, out + i);
  });
}

// Products are rounded before they are added, as the reference implementation does.
void RotateHalvesOnTarget(float* x, const float* cos, const float* sin, int64_t half) {
  ForEachVector(half, [=](auto d, int64_t i) HWY_ATTR {
    const auto low = hn::LoadU(d, x + i);
    const auto high = hn::LoadU(d, x + half + i);
    const auto c = hn::LoadU(d, cos + i);
    const auto s = hn::LoadU(d, sin + i);
    hn::StoreU(hn::Sub(hn::Mul(low, c), hn::Mul(high, s)), d, x + i);
    hn::StoreU(hn::Add(hn::Mul(high, c), hn::Mul(low, s)), d, x + half + i);
  });
}

int64_t ArgMaxOnTarget(const float* x, int64_t size) {
  const FloatTag d;
  const float largest = LargestOf(x, size);
  int64_t i = 0;
  for (; i + kLanes <= size; i += kLanes) {
    const auto equal = hn::Eq(hn::LoadU(d, x + i), hn::Set(d, largest));
    const int64_t lane = static_cast<int64_t>(hn::FindFirstTrue(d, equal));
    if (lane >= 0) return i + lane;
  }
  for (; i < size; ++i) {
    if (x[i] == largest) return i;
  }
  return 0;
}

template <class Format>
HWY_INLINE void WidenFormat(const std::byte* source, int64_t size, float* out) {
  const auto* from = reinterpret_cast<const typename Format::Stored*>(source);
  ForEachVector(
      size, [=](auto d, int64_t i) HWY_ATTR { hn::StoreU(Format::Load(d, from + i), d, out + i); });
}

void WidenOnTarget(const std::byte* source, DType dtype, int64_t size, float* out) {
  switch (dtype) {
    case DType::kF32:
      return WidenFormat<F32Format>(source, size, out);
    case DType::kF16:
      return WidenFormat<F16Format>(source, size, out);
    default:
      return WidenFormat<BF16Format>(source, size, out);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace trinity
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace trinity {
namespace {

HWY_EXPORT(RmsNormOnTarget);
HWY_EXPORT(AddOnTarget);
HWY_EXPORT(ScaleOnTarget);
HWY_EXPORT(SiluMultiplyOnTarget);
HWY_EXPORT(SigmoidMultiplyOnTarget);
HWY_EXPORT(SigmoidOnTarget);
HWY_EXPORT(SoftmaxOnTarget);
HWY_EXPORT(RotateHalvesOnTarget);
HWY_EXPORT(ArgMaxOnTarget);
HWY_EXPORT(WidenOnTarget);

}  // namespace

void RmsNorm(const float* x, const float* weight, float epsilon, int64_t size, float* out) {
  HWY_DYNAMIC_DISPATCH(RmsNormOnTarget)(x, weight, epsilon, size, out);
}

void Add(const float* a, const float* b, int64_t size, float* out) {
  HWY_DYNAMIC_DISPATCH(AddOnTarget)(a, b, size, out);
}

void Scale(float* x, float factor, int64_t size) {
  HWY_DYNAMIC_DISPATCH(ScaleOnTarget)(x, factor, size);
}

void SiluMultiply(const float* gate, const float* up, float factor, int64_t size, float* out) {
  HWY_DYNAMIC_DISPATCH(SiluMultiplyOnTarget)(gate, up, factor, size, out);
}

void SigmoidMultiply(const float* x, const float* gate, int64_t size, float* out) {
  HWY_DYNAMIC_DISPATCH(SigmoidMultiplyOnTarget)(x, gate, size, out);
}

void Sigmoid(const float* x, int64_t size, float* out) {
  HWY_DYNAMIC_DISPATCH(SigmoidOnTarget)(x, size, out);
}

void Softmax(const float* x, int64_t size, float* out) {
  HWY_DYNAMIC_DISPATCH(SoftmaxOnTarget)(x, size, out);
}

void RotateHalves(float* x, const float* cos, const float* sin, int64_t half) {
  HWY_DYNAMIC_DISPATCH(RotateHalvesOnTarget)(x, cos, sin, half);
}

int64_t ArgMax(const float* x, int64_t size) {
  TRINITY_CHECK(size >= 1);
  return HWY_DYNAMIC_DISPATCH(ArgMaxOnTarget)(x, size);
}

void WidenToFloat(const std::byte* source, DType dtype, int64_t size, float* out) {
  TRINITY_CHECK(dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kBF16);
  HWY_DYNAMIC_DISPATCH(WidenOnTarget)(source, dtype, size, out);
}

}  // namespace trinity
#endif  // HWY_ONCE

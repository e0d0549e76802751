#include "kernels/log_sum_exp.h"

#include <cmath>

#include "kernels/elementwise.h"
#include "kernels/enabled_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/log_sum_exp.cc"
#include "hwy/foreach_target.h"
//
#include "hwy/contrib/math/math-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace trinity {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// exp(x - largest), NaN where x is.
template <class D>
HWY_INLINE hn::Vec<D> ExpBelow(D d, const float* x, double largest) {
  const hn::Rebind<float, D> df;
  const auto difference = hn::Sub(hn::PromoteTo(d, hn::LoadU(df, x)), hn::Set(d, largest));
  // Highway's function takes NaN and what it cannot represent for 0.
  return hn::IfThenElse(hn::IsNaN(difference), difference, hn::Exp(d, difference));
}

double SumOfExpOnTarget(const float* x, int64_t size, double largest) {
  const hn::ScalableTag<double> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  auto sums = hn::Zero(d);
  int64_t i = 0;
  for (; i + lanes <= size; i += lanes) sums = hn::Add(sums, ExpBelow(d, x + i, largest));
  double sum = hn::GetLane(hn::SumOfLanes(d, sums));
  const hn::CappedTag<double, 1> one;
  for (; i < size; ++i) sum += hn::GetLane(ExpBelow(one, x + i, largest));
  return sum;
}

}  // namespace HWY_NAMESPACE
}  // namespace trinity
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace trinity {
namespace {

HWY_EXPORT(SumOfExpOnTarget);

}  // namespace

double LogSumExp(const float* x, int64_t size) {
  const double largest = x[ArgMax(x, size)];
  if (std::isinf(largest)) return largest;
  return largest + std::log(HWY_DYNAMIC_DISPATCH(SumOfExpOnTarget)(x, size, largest));
}

}  // namespace trinity
#endif  // HWY_ONCE

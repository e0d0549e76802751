// exp and what is made of it, as vectors of float32: the same operations in every kernel. Included
// once per SIMD target.

#include <cstdint>
#include <limits>

#include "hwy/highway.h"

#if defined(TRINITY_KERNELS_EXPONENTIAL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TRINITY_KERNELS_EXPONENTIAL_H_
#undef TRINITY_KERNELS_EXPONENTIAL_H_
#else
#define TRINITY_KERNELS_EXPONENTIAL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace trinity {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// 2^n for n in [-126, 127].
template <class D, class VI>
HWY_INLINE hn::Vec<D> PowerOfTwo(D d, VI n) {
  const hn::RebindToSigned<D> di;
  return hn::BitCast(d, hn::ShiftLeft<23>(hn::Add(n, hn::Set(di, 127))));
}

// exp(x), within 1.5 units in the last place, subnormal results included. exp(0) = 1; below -104,
// also at -infinity, 0; above 89 infinity; NaN stays NaN.
//
// x = n ln 2 + r with |r| <= ln 2 / 2, the product with the upper part of ln 2 (9 bits) being
// exact; exp(r) = 1 + r + r^2 p(r), where p interpolates (exp(r) - 1 - r) / r^2 at the five
// Chebyshev nodes, relative error 1.1e-8.
template <class D>
HWY_INLINE hn::Vec<D> Exp(D d, hn::Vec<D> x) {
  const auto too_low = hn::Lt(x, hn::Set(d, -104.0F));
  const auto too_high = hn::Gt(x, hn::Set(d, 89.0F));
  const auto n = hn::NearestInt(hn::Mul(x, hn::Set(d, 1.44269502F)));
  const auto n_float = hn::ConvertTo(d, n);
  auto r = hn::NegMulAdd(n_float, hn::Set(d, 0.693359375F), x);
  r = hn::NegMulAdd(n_float, hn::Set(d, -0.000212194442F), r);
  auto p = hn::Set(d, 0.00139263261F);
  p = hn::MulAdd(p, r, hn::Set(d, 0.00836329255F));
  p = hn::MulAdd(p, r, hn::Set(d, 0.0416665524F));
  p = hn::MulAdd(p, r, hn::Set(d, 0.166665763F));
  p = hn::MulAdd(p, r, hn::Set(d, 0.5F));
  const auto exp_r = hn::Add(hn::Set(d, 1.0F), hn::MulAdd(p, hn::Mul(r, r), r));
  // In two steps, since 2^n alone may be out of range; only the last one can round.
  const auto n_half = hn::ShiftRight<1>(n);
  auto result = hn::Mul(exp_r, PowerOfTwo(d, n_half));
  result = hn::Mul(result, PowerOfTwo(d, hn::Sub(n, n_half)));
  result = hn::IfThenZeroElse(too_low, result);
  return hn::IfThenElse(too_high, hn::Set(d, std::numeric_limits<float>::infinity()), result);
}

// exp(x) for x <= 0, by the same polynomial in fewer steps: 0 below -87, where the results would
// leave the normal numbers; NaN stays NaN.
template <class D>
HWY_INLINE hn::Vec<D> ExpOfNonPositive(D d, hn::Vec<D> x) {
  const hn::RebindToUnsigned<D> du;
  // Added to a small number this leaves its nearest integer in the lowest bits, plus 127.
  const auto rounder = hn::Set(d, 12582912.0F + 127.0F);
  const auto shifted = hn::MulAdd(x, hn::Set(d, 1.44269502F), rounder);
  const auto n_float = hn::Sub(shifted, rounder);
  const auto power = hn::BitCast(d, hn::ShiftLeft<23>(hn::BitCast(du, shifted)));
  auto r = hn::NegMulAdd(n_float, hn::Set(d, 0.693359375F), x);
  r = hn::NegMulAdd(n_float, hn::Set(d, -0.000212194442F), r);
  auto p = hn::Set(d, 0.00139263261F);
  p = hn::MulAdd(p, r, hn::Set(d, 0.00836329255F));
  p = hn::MulAdd(p, r, hn::Set(d, 0.0416665524F));
  p = hn::MulAdd(p, r, hn::Set(d, 0.166665763F));
  p = hn::MulAdd(p, r, hn::Set(d, 0.5F));
  const auto exp_r = hn::Add(hn::Set(d, 1.0F), hn::MulAdd(p, hn::Mul(r, r), r));
  return hn::IfThenZeroElse(hn::Lt(x, hn::Set(d, -87.0F)), hn::Mul(exp_r, power));
}

// 1 / (1 + exp(-x)), accurate for small results too: 1 / (1 + e) or e / (1 + e) with e = exp(-|x|).
template <class D>
HWY_INLINE hn::Vec<D> Logistic(D d, hn::Vec<D> x) {
  const auto one = hn::Set(d, 1.0F);
  const auto e = Exp(d, hn::Neg(hn::Abs(x)));
  const auto numerator = hn::IfThenElse(hn::Lt(x, hn::Zero(d)), e, one);
  return hn::Div(numerator, hn::Add(one, e));
}

}  // namespace HWY_NAMESPACE
}  // namespace trinity
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard

// Loads of F32, F16 and BF16 values as vectors of float32. Included once per SIMD target.

#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"

#if defined(TRINITY_KERNELS_WIDEN_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TRINITY_KERNELS_WIDEN_H_
#undef TRINITY_KERNELS_WIDEN_H_
#else
#define TRINITY_KERNELS_WIDEN_H_
#endif

// The loops over the vectors of a register tile have to vanish, or the tile lives in memory.
#undef TRINITY_UNROLL
#if HWY_COMPILER_CLANG
#define TRINITY_UNROLL HWY_PRAGMA(clang loop unroll(full))
#else
#define TRINITY_UNROLL HWY_PRAGMA(GCC unroll 32)
#endif

HWY_BEFORE_NAMESPACE();
namespace trinity {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Each format has: Load, Lanes(d) values in order; LoadPair, 2 * Lanes(d) values in two vectors, in
// an order that suits the format; and StorePair / LoadFloatPair, which write and read float32
// values of that order as they stand in memory.

template <class D>
HWY_INLINE void StoreTwo(hn::Vec<D> a, hn::Vec<D> b, D d, float* out) {
  hn::StoreU(a, d, out);
  hn::StoreU(b, d, out + hn::Lanes(d));
}

template <class D>
HWY_INLINE void LoadTwo(D d, const float* in, hn::Vec<D>& a, hn::Vec<D>& b) {
  a = hn::LoadU(d, in);
  b = hn::LoadU(d, in + hn::Lanes(d));
}

struct F32Format {
  using Stored = float;
  template <class D>
  static HWY_INLINE hn::Vec<D> Load(D d, const Stored* in) {
    return hn::LoadU(d, in);
  }
  template <class D>
  static HWY_INLINE void LoadPair(D d, const Stored* in, hn::Vec<D>& a, hn::Vec<D>& b) {
    LoadTwo(d, in, a, b);
  }
  template <class D>
  static HWY_INLINE void StorePair(hn::Vec<D> a, hn::Vec<D> b, D d, float* out) {
    StoreTwo(a, b, d, out);
  }
  template <class D>
  static HWY_INLINE void LoadFloatPair(D d, const float* in, hn::Vec<D>& a, hn::Vec<D>& b) {
    LoadTwo(d, in, a, b);
  }
};

struct F16Format : F32Format {
  using Stored = uint16_t;
  template <class D>
  static HWY_INLINE hn::Vec<D> Load(D d, const Stored* in) {
    const hn::Rebind<uint16_t, D> d16;
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
    const hn::Rebind<hwy::float16_t, D> df16;
    return hn::PromoteTo(d, hn::BitCast(df16, hn::LoadU(d16, in)));
#else
    // The exponent is moved into place and rebiased by a multiplication, which is exact for
    // subnormal values too; what lands at 2^16 or above was infinity or NaN.
    const hn::RebindToUnsigned<D> du;
    const auto bits = hn::PromoteTo(du, hn::LoadU(d16, in));
    const auto sign = hn::ShiftLeft<16>(hn::And(bits, hn::Set(du, 0x8000u)));
    const auto shifted = hn::ShiftLeft<13>(hn::And(bits, hn::Set(du, 0x7FFFu)));
    const auto magnitude = hn::Mul(hn::BitCast(d, shifted), hn::Set(d, 0x1.0p112F));
    const auto special = hn::Ge(magnitude, hn::Set(d, 65536.0F));
    const auto all_ones = hn::BitCast(d, hn::Set(du, 0x7F800000u));
    const auto widened = hn::IfThenElse(special, hn::Or(magnitude, all_ones), magnitude);
    return hn::Or(widened, hn::BitCast(d, sign));
#endif
  }
  template <class D>
  static HWY_INLINE void LoadPair(D d, const Stored* in, hn::Vec<D>& a, hn::Vec<D>& b) {
    a = Load(d, in);
    b = Load(d, in + hn::Lanes(d));
  }
};

#if HWY_TARGET == HWY_SCALAR
struct BF16Format : F32Format {
  using Stored = uint16_t;
  template <class D>
  static HWY_INLINE hn::Vec<D> Load(D d, const Stored* in) {
    const hn::Rebind<uint16_t, D> d16;
    const hn::RebindToUnsigned<D> du;
    return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(du, hn::LoadU(d16, in))));
  }
  template <class D>
  static HWY_INLINE void LoadPair(D d, const Stored* in, hn::Vec<D>& a, hn::Vec<D>& b) {
    a = Load(d, in);
    b = Load(d, in + hn::Lanes(d));
  }
};
#else
struct BF16Format {
  using Stored = uint16_t;
  template <class D>
  static HWY_INLINE hn::Vec<D> Load(D d, const Stored* in) {
    const hn::Rebind<uint16_t, D> d16;
    const hn::RebindToUnsigned<D> du;
    return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(du, hn::LoadU(d16, in))));
  }
  // Even places in `a`, odd ones in `b`: one load and two operations for both.
  template <class D>
  static HWY_INLINE void LoadPair(D d, const Stored* in, hn::Vec<D>& a, hn::Vec<D>& b) {
    const hn::RebindToUnsigned<D> du;
    const hn::Repartition<uint16_t, D> d16;
    const auto bits = hn::BitCast(du, hn::LoadU(d16, in));
    a = hn::BitCast(d, hn::ShiftLeft<16>(bits));
    b = hn::BitCast(d, hn::And(bits, hn::Set(du, 0xFFFF0000u)));
  }
  template <class D>
  static HWY_INLINE void StorePair(hn::Vec<D> a, hn::Vec<D> b, D d, float* out) {
    hn::StoreInterleaved2(a, b, d, out);
  }
  template <class D>
  static HWY_INLINE void LoadFloatPair(D d, const float* in, hn::Vec<D>& a, hn::Vec<D>& b) {
    hn::LoadInterleaved2(d, in, a, b);
  }
};
#endif

}  // namespace HWY_NAMESPACE
}  // namespace trinity
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard

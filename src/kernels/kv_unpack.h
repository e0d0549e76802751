// Keys and values of a chunk as they lie in the cache, and as float32. Included once per SIMD
// target.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

#include "base/dtype.h"
#include "hwy/cache_control.h"
#include "hwy/highway.h"
#include "kernels/attend.h"
#include "kernels/widen.h"
#include "quant/half.h"

#if defined(TRINITY_KERNELS_KV_UNPACK_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TRINITY_KERNELS_KV_UNPACK_H_
#undef TRINITY_KERNELS_KV_UNPACK_H_
#else
#define TRINITY_KERNELS_KV_UNPACK_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace trinity {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using FloatTag = hn::ScalableTag<float>;
using OneTag = hn::CappedTag<float, 1>;
constexpr int64_t kLanes = HWY_LANES(float);

// Keys and values are fetched this far ahead of their use; 0: not at all.
constexpr int64_t kAheadBytes = 1024;

template <int64_t kBytes>
HWY_INLINE void FetchAhead(const void* current) {
  if constexpr (kBytes > 0) hwy::Prefetch(static_cast<const std::byte*>(current) + kBytes);
}

// Dimensions [first, first + size) of keys or values.
struct DimSlice {
  int64_t first;
  int64_t size;
};

// Each format has:
//
// kIsPlain, whether the cache holds plain numbers, and Number, their format;
// Key and Value, how the reader of a vector finds it; LoadKeys, kStepDims dimensions from `dim` on
// of a vector of the keys of a chunk; LoadValues, a vector of the values of a token in a slice;
// UnpackKeys and UnpackValues, all keys of some dimensions, or all values of a slice of a page, as
// float32 in the same order; StoreKey and StoreValue, which round one position [head_dim].

// Float32, float16 and bfloat16, as they lie in the cache or (with kAhead = 0) unpacked.
template <class Format, int64_t kAhead = kAheadBytes>
struct PlainKv {
  using Number = Format;
  using Stored = typename Format::Stored;
  static constexpr bool kInPairs = false;
  static constexpr bool kIsPlain = true;
  static constexpr int64_t kStepDims = 1;

  struct Keys {
    const Stored* data;  // [dims, kKvChunkTokens]

    HWY_INLINE void Load(int64_t dim, int64_t key, hn::Vec<FloatTag>* out) const {
      const Stored* in = data + dim * kKvChunkTokens + key;
      FetchAhead<kAhead>(in);
      out[0] = Format::Load(FloatTag(), in);
    }
  };
  struct Values {
    const Stored* data;  // [kKvPageTokens, size]
    int64_t size;

    template <class D, int kVectors>
    HWY_INLINE void Load(D d, int64_t token, int64_t dim, hn::Vec<D>* out) const {
      const Stored* in = data + token * size + dim;
      TRINITY_UNROLL for (int v = 0; v < kVectors; ++v) {
        FetchAhead<kAhead>(in + v * hn::MaxLanes(d));
        out[v] = Format::Load(d, in + v * hn::MaxLanes(d));
      }
    }
  };

  static HWY_INLINE Keys KeysOf(const std::byte* chunk, int64_t first_dim) {
    return {reinterpret_cast<const Stored*>(chunk) + first_dim * kKvChunkTokens};
  }
  static HWY_INLINE Values ValuesOf(const std::byte* values, DimSlice slice, float*) {
    return {reinterpret_cast<const Stored*>(values) + slice.first * kKvPageTokens, slice.size};
  }

  static void Widen(const Stored* in, int64_t size, float* out) {
    const FloatTag d;
    int64_t i = 0;
    for (; i + 4 * kLanes <= size; i += 4 * kLanes) {
      TRINITY_UNROLL for (int64_t j = 0; j < 4 * kLanes; j += kLanes) {
        hn::StoreU(Format::Load(d, in + i + j), d, out + i + j);
      }
    }
    for (; i < size; ++i) hn::StoreU(Format::Load(OneTag(), in + i), OneTag(), out + i);
  }
  static void UnpackKeys(const Keys& keys, int64_t num_dims, float* out) {
    Widen(keys.data, num_dims * kKvChunkTokens, out);
  }
  static void UnpackValues(const Values& values, float* out) {
    Widen(values.data, kKvPageTokens * values.size, out);
  }
};

// Rounds `size` floats to nearest even.
HWY_INLINE void RoundToBF16(const float* from, int64_t size, uint16_t* to) {
#if HWY_TARGET != HWY_SCALAR
  const FloatTag d;
  const hn::RebindToUnsigned<FloatTag> du;
  const hn::Rebind<uint16_t, FloatTag> d16;
  for (; size >= kLanes; size -= kLanes, from += kLanes, to += kLanes) {
    const auto value = hn::LoadU(d, from);
    const auto bits = hn::BitCast(du, value);
    const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(du, 1u));
    const auto rounded = hn::Add(bits, hn::Add(odd, hn::Set(du, 0x7FFFu)));
    const auto quiet = hn::Or(bits, hn::Set(du, 0x400000u));
    // Not Ne(value, value): it is false for NaN.
    const auto is_nan = hn::RebindMask(du, hn::IsNaN(value));
    const auto upper = hn::ShiftRight<16>(hn::IfThenElse(is_nan, quiet, rounded));
    hn::StoreU(hn::TruncateTo(d16, upper), d16, to);
  }
#endif
  for (int64_t i = 0; i < size; ++i) to[i] = FloatToBFloat16(from[i]);
}

HWY_INLINE void RoundToF16(const float* from, int64_t size, uint16_t* to) {
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
  const FloatTag d;
  const hn::Rebind<hwy::float16_t, FloatTag> df16;
  const hn::Rebind<uint16_t, FloatTag> d16;
  for (; size >= kLanes; size -= kLanes, from += kLanes, to += kLanes) {
    const auto half = hn::DemoteTo(df16, hn::LoadU(d, from));
    hn::StoreU(hn::BitCast(d16, half), d16, to);
  }
#endif
  for (int64_t i = 0; i < size; ++i) to[i] = FloatToFloat16(from[i]);
}

// Values of a key or value that are rounded at a time.
constexpr int64_t kRoundedValues = 64;

// out[i * stride] = from[i] as Round makes it, `size` values.
template <class Stored, class Round>
HWY_INLINE void StoreStrided(const float* from, int64_t size, int64_t stride, const Round& round,
                             std::byte* out) {
  HWY_ALIGN Stored rounded[kRoundedValues];
  for (int64_t first = 0; first < size; first += kRoundedValues) {
    const int64_t part = std::min(kRoundedValues, size - first);
    round(from + first, part, rounded);
    std::byte* to = out + first * stride * static_cast<int64_t>(sizeof(Stored));
    for (int64_t i = 0; i < part; ++i) {
      std::memcpy(to + i * stride * static_cast<int64_t>(sizeof(Stored)), &rounded[i],
                  sizeof(Stored));
    }
  }
}

template <class Format, class Rounding>
struct RoundedKv : PlainKv<Format> {
  using Stored = typename Format::Stored;

  static void StoreKey(const float* key, int64_t head_dim, int64_t token, std::byte* keys) {
    StoreStrided<Stored>(key, head_dim, kKvChunkTokens, Rounding(),
                         keys + token * static_cast<int64_t>(sizeof(Stored)));
  }
  static void StoreValue(const float* value, int64_t head_dim, int64_t token, std::byte* values) {
    for (int64_t dim = 0; dim < head_dim; dim += kKvSliceDims) {
      const int64_t size = std::min(kKvSliceDims, head_dim - dim);
      StoreStrided<Stored>(
          value + dim, size, 1, Rounding(),
          values + (dim * kKvPageTokens + token * size) * static_cast<int64_t>(sizeof(Stored)));
    }
  }
};

struct CopyF32 {
  HWY_INLINE void operator()(const float* from, int64_t size, float* to) const {
    std::copy_n(from, size, to);
  }
};
struct ToF16 {
  HWY_INLINE void operator()(const float* from, int64_t size, uint16_t* to) const {
    RoundToF16(from, size, to);
  }
};
struct ToBF16 {
  HWY_INLINE void operator()(const float* from, int64_t size, uint16_t* to) const {
    RoundToBF16(from, size, to);
  }
};

using UnpackedKv = PlainKv<F32Format, 0>;
using F32Kv = RoundedKv<F32Format, CopyF32>;
using F16Kv = RoundedKv<F16Format, ToF16>;
using BF16Kv = RoundedKv<BF16Format, ToBF16>;

// Blocks of 32 dimensions: int8 codes times a float16 scale, which is exact in float32.
//
// Scales stand before their codes, so that both are one stream. Keys of a chunk: for each block
// scales [kKvChunkTokens], then codes [32 / 4][kKvChunkTokens][4], so that a 32-bit lane is a
// key's. Values of a page: for each slice scales [dimensions / 32][kKvPageTokens], then codes as
// those of the other formats.
struct Q8Kv {
  using Number = void;
  static constexpr bool kInPairs = false;
  static constexpr bool kIsPlain = false;
  static constexpr int64_t kBlockDims = 32;
  static constexpr int64_t kStepDims = 4;

  // Bytes of a block of the keys of a chunk.
  static constexpr int64_t kScaleBytes = 2 * kKvChunkTokens;
  static constexpr int64_t kKeyBlockBytes = kScaleBytes + kBlockDims * kKvChunkTokens;

  struct Keys {
    const std::byte* data;

    HWY_INLINE void Load(int64_t dim, int64_t key, hn::Vec<FloatTag>* out) const {
      const FloatTag d;
      const hn::RebindToSigned<FloatTag> di;
      const std::byte* block = data + dim / kBlockDims * kKeyBlockBytes;
      const std::byte* codes =
          block + kScaleBytes + dim % kBlockDims * kKvChunkTokens + key * kStepDims;
      FetchAhead<kAheadBytes>(codes);
      const auto bits = hn::LoadU(di, reinterpret_cast<const int32_t*>(codes));
      const auto scale = F16Format::Load(d, reinterpret_cast<const uint16_t*>(block) + key);
      const auto first = hn::ShiftRight<24>(hn::ShiftLeft<24>(bits));
      const auto second = hn::ShiftRight<24>(hn::ShiftLeft<16>(bits));
      const auto third = hn::ShiftRight<24>(hn::ShiftLeft<8>(bits));
      out[0] = hn::Mul(hn::ConvertTo(d, first), scale);
      out[1] = hn::Mul(hn::ConvertTo(d, second), scale);
      out[2] = hn::Mul(hn::ConvertTo(d, third), scale);
      out[3] = hn::Mul(hn::ConvertTo(d, hn::ShiftRight<24>(bits)), scale);
    }
  };
  struct Values {
    const int8_t* codes;  // [kKvPageTokens, size]
    const float* scales;  // [size / 32, kKvPageTokens]
    int64_t size;

    template <class D, int kVectors>
    HWY_INLINE void Load(D d, int64_t token, int64_t dim, hn::Vec<D>* out) const {
      const hn::RebindToSigned<D> di;
      const hn::Rebind<int8_t, D> d8;
      const int8_t* in = codes + token * size + dim;
      FetchAhead<kAheadBytes>(in);
      TRINITY_UNROLL for (int v = 0; v < kVectors; ++v) {
        const auto at = static_cast<uint64_t>(dim) + v * hn::MaxLanes(d);
        const float scale = scales[at / kBlockDims * kKvPageTokens + static_cast<uint64_t>(token)];
        const auto code = hn::PromoteTo(di, hn::LoadU(d8, in + v * hn::MaxLanes(d)));
        out[v] = hn::Mul(hn::ConvertTo(d, code), hn::Set(d, scale));
      }
    }
  };

  static HWY_INLINE Keys KeysOf(const std::byte* chunk, int64_t first_dim) {
    return {chunk + first_dim / kBlockDims * kKeyBlockBytes};
  }
  // Where a slice begins, and its codes.
  static HWY_INLINE int64_t SliceBegin(int64_t first_dim) {
    return BytesOf(DType::kQ8_0, first_dim * kKvPageTokens);
  }
  static HWY_INLINE int64_t SliceScaleBytes(int64_t size) {
    return 2 * size / kBlockDims * kKvPageTokens;
  }
  static HWY_INLINE Values ValuesOf(const std::byte* values, DimSlice slice, float* scales) {
    const std::byte* first = values + SliceBegin(slice.first);
    PlainKv<F16Format>::Widen(reinterpret_cast<const uint16_t*>(first),
                              slice.size / kBlockDims * kKvPageTokens, scales);
    return {reinterpret_cast<const int8_t*>(first + SliceScaleBytes(slice.size)), scales,
            slice.size};
  }

  static void UnpackKeys(const Keys& keys, int64_t num_dims, float* out) {
    for (int64_t dim = 0; dim < num_dims; dim += kStepDims) {
      for (int64_t key = 0; key < kKvChunkTokens; key += kLanes) {
        hn::Vec<FloatTag> loaded[kStepDims];
        keys.Load(dim, key, loaded);
        for (int64_t i = 0; i < kStepDims; ++i) {
          hn::StoreU(loaded[i], FloatTag(), out + (dim + i) * kKvChunkTokens + key);
        }
      }
    }
  }
  static void UnpackValues(const Values& values, float* out) {
    constexpr int kVectors = kBlockDims / kLanes;
    const FloatTag d;
    for (int64_t token = 0; token < kKvPageTokens; ++token) {
      for (int64_t dim = 0; dim < values.size; dim += kBlockDims, out += kBlockDims) {
        hn::Vec<FloatTag> loaded[kVectors];
        values.Load<FloatTag, kVectors>(d, token, dim, loaded);
        TRINITY_UNROLL for (int v = 0; v < kVectors; ++v) {
          hn::StoreU(loaded[v], d, out + v * kLanes);
        }
      }
    }
  }

  // Rounds 32 values as quant/ has it for Q8_0; returns the scale's bits. NaN makes all of them
  // NaN.
  static HWY_INLINE uint16_t RoundBlock(const float* from, int8_t* codes) {
    const FloatTag d;
    const hn::Rebind<int8_t, FloatTag> d8;
    auto largest = hn::Zero(d);
    bool has_nan = false;
    for (int64_t i = 0; i < kBlockDims; i += kLanes) {
      const auto value = hn::LoadU(d, from + i);
      largest = hn::Max(largest, hn::Abs(value));
      has_nan = has_nan || !hn::AllFalse(d, hn::IsNaN(value));
    }
    if (has_nan) {
      std::fill_n(codes, kBlockDims, int8_t{0});
      return FloatToFloat16(std::numeric_limits<float>::quiet_NaN());
    }
    constexpr float kHighest = 127, kLargestScale = 65504;
    const float scale = std::min(hn::GetLane(hn::MaxOfLanes(d, largest)) / kHighest, kLargestScale);
    const uint16_t bits = FloatToFloat16(scale);
    const auto inverse = hn::Set(d, bits != 0 ? 1 / scale : 0);
    for (int64_t i = 0; i < kBlockDims; i += kLanes) {
      // To nearest, ties away from zero.
      const auto exact = hn::Mul(hn::LoadU(d, from + i), inverse);
      const auto whole = hn::Trunc(exact);
      const auto goes_out = hn::Ge(hn::Abs(hn::Sub(exact, whole)), hn::Set(d, 0.5F));
      const auto step = hn::CopySign(hn::Set(d, 1.0F), exact);
      const auto rounded = hn::Add(whole, hn::IfThenElseZero(goes_out, step));
      const auto code = hn::Max(hn::Min(rounded, hn::Set(d, kHighest)), hn::Set(d, -kHighest));
      hn::StoreU(hn::DemoteTo(d8, hn::NearestInt(code)), d8, codes + i);
    }
    return bits;
  }

  static void StoreKey(const float* key, int64_t head_dim, int64_t token, std::byte* keys) {
    for (int64_t dim = 0; dim < head_dim; dim += kBlockDims, keys += kKeyBlockBytes) {
      int8_t codes[kBlockDims];
      const uint16_t scale = RoundBlock(key + dim, codes);
      std::memcpy(keys + 2 * token, &scale, sizeof(scale));
      for (int64_t i = 0; i < kBlockDims; i += kStepDims) {
        std::memcpy(keys + kScaleBytes + i * kKvChunkTokens + token * kStepDims, codes + i,
                    kStepDims);
      }
    }
  }
  static void StoreValue(const float* value, int64_t head_dim, int64_t token, std::byte* values) {
    for (int64_t dim = 0; dim < head_dim; dim += kBlockDims) {
      int8_t codes[kBlockDims];
      const uint16_t scale = RoundBlock(value + dim, codes);
      const int64_t first = dim / kKvSliceDims * kKvSliceDims;
      const int64_t size = std::min(kKvSliceDims, head_dim - first);
      std::byte* slice = values + SliceBegin(first);
      std::memcpy(slice + 2 * ((dim - first) / kBlockDims * kKvPageTokens + token), &scale,
                  sizeof(scale));
      std::memcpy(slice + SliceScaleBytes(size) + token * size + dim - first, codes, kBlockDims);
    }
  }
};

template <class D>
HWY_INLINE hn::Vec<D> RoundedToBF16(D d, hn::Vec<D> value) {
  const hn::RebindToUnsigned<D> du;
  const auto bits = hn::BitCast(du, value);
  const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(du, 1u));
  const auto rounded = hn::Add(bits, hn::Add(odd, hn::Set(du, 0x7FFFu)));
  const auto quiet = hn::Or(bits, hn::Set(du, 0x400000u));
  const auto is_nan = hn::RebindMask(du, hn::IsNaN(value));
  const auto upper = hn::IfThenElse(is_nan, quiet, rounded);
  return hn::BitCast(d, hn::And(upper, hn::Set(du, 0xFFFF0000u)));
}

// A format whose keys and values are rounded to bfloat16 as they are loaded, and summed as
// kernels/bf16_tiles.h has it.
template <class Format>
struct InBF16 {
  using Number = typename Format::Number;
  static constexpr bool kInPairs = true;
  static constexpr bool kIsPlain = Format::kIsPlain;
  static constexpr int64_t kStepDims = Format::kStepDims;
  static constexpr bool kIsExact = std::is_same_v<Format, BF16Kv>;

  struct Keys {
    typename Format::Keys stored;

    HWY_INLINE void Load(int64_t dim, int64_t key, hn::Vec<FloatTag>* out) const {
      stored.Load(dim, key, out);
      if constexpr (!kIsExact) {
        for (int64_t i = 0; i < kStepDims; ++i) out[i] = RoundedToBF16(FloatTag(), out[i]);
      }
    }
  };
  struct Values {
    typename Format::Values stored;
    int64_t size;

    template <class D, int kVectors>
    HWY_INLINE void Load(D d, int64_t token, int64_t dim, hn::Vec<D>* out) const {
      stored.template Load<D, kVectors>(d, token, dim, out);
      if constexpr (!kIsExact) {
        TRINITY_UNROLL for (int v = 0; v < kVectors; ++v) out[v] = RoundedToBF16(d, out[v]);
      }
    }
  };

  static HWY_INLINE Keys KeysOf(const std::byte* chunk, int64_t first_dim) {
    return {Format::KeysOf(chunk, first_dim)};
  }
  static HWY_INLINE Values ValuesOf(const std::byte* values, DimSlice slice, float* scales) {
    return {Format::ValuesOf(values, slice, scales), slice.size};
  }
  static void UnpackKeys(const Keys& keys, int64_t num_dims, float* out) {
    Format::UnpackKeys(keys.stored, num_dims, out);
  }
  static void UnpackValues(const Values& values, float* out) {
    Format::UnpackValues(values.stored, out);
  }
};

// Subnormal numbers count as 0 while this lives, as in the tiles.
struct FlushSubnormals {
#if HWY_ARCH_X86
  FlushSubnormals() : control(_mm_getcsr()) { _mm_setcsr(control | 0x8040U); }
  ~FlushSubnormals() { _mm_setcsr(control); }
  const unsigned control;
#else
  ~FlushSubnormals() {}
#endif
};

// Calls function(format) for the format of a cache's dtype.
template <class Function>
HWY_INLINE void WithKvFormat(DType dtype, const Function& function) {
  switch (dtype) {
    case DType::kF32:
      return function(F32Kv());
    case DType::kF16:
      return function(F16Kv());
    case DType::kBF16:
      return function(BF16Kv());
    default:
      return function(Q8Kv());
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace trinity
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard

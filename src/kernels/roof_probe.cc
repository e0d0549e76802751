#include "kernels/roof_probe.h"

#include <atomic>

#include "base/check.h"
#include "kernels/cpu_level.h"
#include "kernels/dot_product_probe.h"
#include "kernels/enabled_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/roof_probe.cc"
#include "hwy/foreach_target.h"
//
#include "hwy/cache_control.h"
#include "hwy/highway.h"
#include "kernels/widen.h"

HWY_BEFORE_NAMESPACE();
namespace trinity {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr int kReadVectors = 8;
constexpr int64_t kPrefetchBytes = 4096;
constexpr int64_t kLineBytes = 64;

template <ReadAhead kReadAhead>
uint32_t Read(const std::byte* data, int64_t num_bytes) {
  using D = hn::ScalableTag<uint32_t>;
  const D d;
  constexpr int64_t kLanes = HWY_LANES(uint32_t);
  constexpr int64_t kStepBytes = kReadVectors * kLanes * int64_t{sizeof(uint32_t)};
  hn::Vec<D> seen[kReadVectors];
  TRINITY_UNROLL for (int i = 0; i < kReadVectors; ++i) seen[i] = hn::Zero(d);
  for (int64_t at = 0; at < num_bytes; at += kStepBytes) {
    const std::byte* step = data + at;
    if constexpr (kReadAhead == ReadAhead::kPrefetch) {
      constexpr int kToRead = 0, kSecondLevel = 2;
      for (int64_t i = 0; i < kStepBytes; i += kLineBytes) {
        __builtin_prefetch(step + kPrefetchBytes + i, kToRead, kSecondLevel);
      }
    }
    const auto* values = reinterpret_cast<const uint32_t*>(step);
    TRINITY_UNROLL for (int i = 0; i < kReadVectors; ++i) {
      seen[i] = hn::Or(seen[i], hn::LoadU(d, values + i * kLanes));
    }
  }
  for (int i = 1; i < kReadVectors; ++i) seen[0] = hn::Or(seen[0], seen[i]);
  return hn::GetLane(seen[0]);
}

uint32_t ReadOnTarget(const std::byte* data, int64_t num_bytes, ReadAhead read_ahead) {
  return read_ahead == ReadAhead::kNone ? Read<ReadAhead::kNone>(data, num_bytes)
                                        : Read<ReadAhead::kPrefetch>(data, num_bytes);
}

// As many sums as hide the latency of a multiply-add: 16 registers have to hold them and the
// factors.
constexpr int kChains = 12;
constexpr int64_t kRoundOps = kChains * int64_t{2} * HWY_LANES(float);

int64_t RoundOpsOnTarget() { return kRoundOps; }

uint32_t MultiplyAddOnTarget(int64_t num_rounds) {
  using D = hn::ScalableTag<float>;
  const D d;
  hn::Vec<D> sums[kChains];
  // Different beginnings, or the compiler keeps one chain for all.
  TRINITY_UNROLL for (int i = 0; i < kChains; ++i) sums[i] = hn::Set(d, static_cast<float>(i));
  const auto a = hn::Set(d, 0.999F);
  const auto b = hn::Set(d, 0.001F);
  for (int64_t round = 0; round < num_rounds; ++round) {
    TRINITY_UNROLL for (int i = 0; i < kChains; ++i) sums[i] = hn::MulAdd(sums[i], a, b);
  }
  for (int i = 1; i < kChains; ++i) sums[0] = hn::Add(sums[0], sums[i]);
  return static_cast<uint32_t>(hn::GetLane(sums[0]));
}

}  // namespace HWY_NAMESPACE
}  // namespace trinity
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace trinity {
namespace {

HWY_EXPORT(ReadOnTarget);
HWY_EXPORT(RoundOpsOnTarget);
HWY_EXPORT(MultiplyAddOnTarget);

// Results go here, so that no compiler finds a loop useless.
std::atomic<uint32_t> sink{0};

const DotProductProbe* FindProbe(Arithmetic arithmetic) {
  switch (arithmetic) {
    case Arithmetic::kF32:
      return nullptr;
    case Arithmetic::kBF16:
      return FindBF16Probe();
    case Arithmetic::kInt8:
      return FindInt8Probe();
    case Arithmetic::kAmxBF16:
      return FindAmxBF16Probe();
    case Arithmetic::kAmxInt8:
      return FindAmxInt8Probe();
  }
  return nullptr;
}

bool IsTiled(Arithmetic arithmetic) {
  return arithmetic == Arithmetic::kAmxBF16 || arithmetic == Arithmetic::kAmxInt8;
}

int64_t RoundsFor(int64_t num_ops, int64_t ops_per_round) {
  return (num_ops + ops_per_round - 1) / ops_per_round;
}

}  // namespace

std::string_view NameOf(Arithmetic arithmetic) {
  switch (arithmetic) {
    case Arithmetic::kF32:
      return "f32";
    case Arithmetic::kBF16:
      return "bf16";
    case Arithmetic::kInt8:
      return "int8";
    case Arithmetic::kAmxBF16:
      return "amx_bf16";
    case Arithmetic::kAmxInt8:
      return "amx_int8";
  }
  return "";
}

std::string_view InstructionOf(Arithmetic arithmetic) {
  if (const DotProductProbe* probe = FindProbe(arithmetic)) return probe->instruction;
  return IsTiled(arithmetic) ? "" : "multiply-add of f32";
}

Arithmetic BestArithmetic(ActivationForm form) {
  switch (form) {
    case ActivationForm::kFloat32:
      return Arithmetic::kF32;
    case ActivationForm::kBFloat16:
      return ActiveCpuLevel().has_amx_bf16 ? Arithmetic::kAmxBF16 : Arithmetic::kBF16;
    case ActivationForm::kInt8:
      return ActiveCpuLevel().has_amx ? Arithmetic::kAmxInt8 : Arithmetic::kInt8;
  }
  return Arithmetic::kF32;
}

int64_t RunArithmetic(Arithmetic arithmetic, int64_t num_ops) {
  if (const DotProductProbe* probe = FindProbe(arithmetic)) {
    const int64_t rounds = RoundsFor(num_ops, probe->ops_per_round);
    sink.store(probe->run(rounds), std::memory_order_relaxed);
    return rounds * probe->ops_per_round;
  }
  TRINITY_CHECK(!IsTiled(arithmetic));
  const int64_t round_ops = HWY_DYNAMIC_DISPATCH(RoundOpsOnTarget)();
  const int64_t rounds = RoundsFor(num_ops, round_ops);
  sink.store(HWY_DYNAMIC_DISPATCH(MultiplyAddOnTarget)(rounds), std::memory_order_relaxed);
  return rounds * round_ops;
}

void ReadMemory(const std::byte* data, int64_t num_bytes, ReadAhead read_ahead) {
  TRINITY_CHECK(num_bytes % kReadUnitBytes == 0);
  sink.store(HWY_DYNAMIC_DISPATCH(ReadOnTarget)(data, num_bytes, read_ahead),
             std::memory_order_relaxed);
}

}  // namespace trinity
#endif  // HWY_ONCE

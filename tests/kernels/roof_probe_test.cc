#include "kernels/roof_probe.h"

#include <gtest/gtest.h>

#include <vector>

#include "kernels/cpu_features.h"
#include "tests/kernels/simd_fixture.h"

namespace trinity {
namespace {

TEST(RoofProbe, ArithmeticDoesAtLeastTheOperationsAskedFor) {
  OnEverySimdTarget([] {
    for (int i = 0; i < kNumArithmetics; ++i) {
      const auto arithmetic = static_cast<Arithmetic>(i);
      if (InstructionOf(arithmetic).empty()) continue;
      for (const int64_t num_ops : {int64_t{1}, int64_t{12'345'678}}) {
        const int64_t done = RunArithmetic(arithmetic, num_ops);
        EXPECT_GE(done, num_ops) << NameOf(arithmetic);
        EXPECT_LT(done, num_ops + 200'000) << NameOf(arithmetic);  // less than one round more
      }
    }
  });
}

TEST(RoofProbe, EveryCpuHasFloatsAndOnlyTilesMayBeMissing) {
  EXPECT_NE(InstructionOf(Arithmetic::kF32), "");
  EXPECT_NE(InstructionOf(Arithmetic::kBF16), "");
  EXPECT_NE(InstructionOf(Arithmetic::kInt8), "");
  EXPECT_EQ(InstructionOf(Arithmetic::kAmxInt8).empty(), !ThisCpu().amx_int8);
  EXPECT_EQ(InstructionOf(Arithmetic::kAmxBF16).empty(), !ThisCpu().amx_bf16);
}

TEST(RoofProbe, ReadingEndsWithTheMemoryThatWasGiven) {
  // Exactly one unit on the heap: a sanitizer sees what is read beyond it.
  const std::vector<std::byte> unit(kReadUnitBytes, std::byte{1});
  OnEverySimdTarget([&] {
    for (const ReadAhead read_ahead : {ReadAhead::kNone, ReadAhead::kPrefetch}) {
      ReadMemory(unit.data(), kReadUnitBytes, read_ahead);
    }
  });
}

TEST(CpuFeatures, NamesOnlyWhatIsThere) {
  CpuFeatures features;
  EXPECT_TRUE(NamesOf(features).empty());
  features.avx512_vnni = true;
  features.amx_bf16 = true;
  EXPECT_EQ(NamesOf(features), (std::vector<std::string>{"avx512_vnni", "amx_bf16"}));
}

TEST(CpuFeatures, AgreesWithTheTargetsOfHighway) {
  const std::vector<std::string> targets = AvailableSimdTargets();
  const auto has = [&](const char* target) {
    return std::find(targets.begin(), targets.end(), target) != targets.end();
  };
#if defined(__x86_64__)
  EXPECT_EQ(ThisCpu().avx2, has("AVX2"));
#endif
  if (ThisCpu().avx512_vnni || ThisCpu().avx512_bf16) {
    EXPECT_TRUE(has("AVX3"));
  }
}

}  // namespace
}  // namespace trinity

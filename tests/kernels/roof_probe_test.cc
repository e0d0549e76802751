#include "kernels/roof_probe.h"

#include <gtest/gtest.h>

#include <vector>

#include "kernels/cpu_level.h"
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
  const auto levels = AvailableCpuLevels();
  const bool has_amx = !levels.empty() && levels.front().has_amx;
  EXPECT_EQ(InstructionOf(Arithmetic::kAmxInt8).empty(), !has_amx);
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

}  // namespace
}  // namespace trinity

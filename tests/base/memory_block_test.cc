#include "base/memory_block.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

namespace trinity {
namespace {

constexpr int64_t kMebibyte = int64_t{1} << 20;

TEST(MemoryBlock, IsZeroAndAlignedWhateverItsPages) {
  for (const int64_t num_bytes : {int64_t{1}, kMebibyte, 130 * kMebibyte}) {
    MemoryBlock block(num_bytes);
    block.PreferHugePages(num_bytes);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(block.data()) % 64, 0U);
    EXPECT_TRUE(std::all_of(block.data(), block.data() + num_bytes,
                            [](std::byte b) { return b == std::byte{0}; }));
  }
}

TEST(MemoryBlock, KeepsWhatWasWrittenWhenMorePagesAreDecidedOn) {
  MemoryBlock block(150 * kMebibyte);
  block.PreferHugePages(1);
  block.data()[0] = std::byte{7};
  block.PreferHugePages(65 * kMebibyte);
  block.data()[65 * kMebibyte - 1] = std::byte{8};
  block.PreferHugePages(block.num_bytes());
  EXPECT_EQ(block.data()[0], std::byte{7});
  EXPECT_EQ(block.data()[65 * kMebibyte - 1], std::byte{8});
  EXPECT_EQ(block.data()[block.num_bytes() - 1], std::byte{0});
}

TEST(MemoryBlock, MovesWithItsContent) {
  MemoryBlock from(2 * kMebibyte);
  from.data()[5] = std::byte{9};
  const MemoryBlock to = std::move(from);
  EXPECT_EQ(to.data()[5], std::byte{9});
  EXPECT_EQ(to.num_bytes(), 2 * kMebibyte);
}

TEST(FreeHugePages, ArePartOfTheFreeMemory) {
  // Both are read while others run, so the comparison leaves room.
  EXPECT_GE(FreeHugePageBytes(), 0);
  EXPECT_LE(FreeHugePageBytes(), FreeMemoryBytes() + 2048 * kMebibyte);
}

}  // namespace
}  // namespace trinity

#include "base/direct_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "base/error.h"
#include "tests/support/paths.h"

namespace trinity {
namespace {

std::string Text(size_t size) {
  std::string text(size, ' ');
  for (size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + i * i % 23);
  return text;
}

std::string Read(const DirectFile& file, int64_t offset, int64_t num_bytes, MemoryBlock& buffer) {
  const std::span<std::byte> bytes = file.ReadAt(offset, num_bytes, buffer);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// On a file system that reads past the cache, and on one in memory that may not.
TEST(DirectFile, ReadsAnyRangeUpToTheEnd) {
  for (const std::string parent : {"", "/dev/shm"}) {
    if (!parent.empty() && !std::filesystem::exists(parent)) continue;
    const TemporaryFolder folder;
    const std::string path =
        parent.empty() ? folder / "f"
                       : parent + "/" + std::filesystem::path(folder.path()).filename().string();
    const std::string text = Text(20'001);
    std::ofstream(path, std::ios::binary) << text;
    {
      const File file(path);
      const DirectFile direct(file);
      MemoryBlock buffer;
      for (const auto& [offset, size] : {std::pair{0, 1},
                                         {4095, 2},
                                         {1, 20'000},
                                         {8192, 4096},
                                         {19'999, 2},
                                         {0, 20'001},
                                         {5000, 0}}) {
        EXPECT_EQ(Read(direct, offset, size, buffer), text.substr(offset, size)) << offset;
      }
    }
    std::filesystem::remove(path);
  }
}

TEST(DirectFile, ReadsTheFileThatWasOpenedWhateverHasItsNameNow) {
  const TemporaryFolder folder;
  std::ofstream(folder / "f") << "before";
  const File file(folder / "f");
  std::filesystem::remove(folder / "f");
  std::ofstream(folder / "f") << "after!";
  MemoryBlock buffer;
  EXPECT_EQ(Read(DirectFile(file), 0, 6, buffer), "before");
}

TEST(DirectFile, AFileThatHasBecomeShorterIsAStorageError) {
  const TemporaryFolder folder;
  std::ofstream(folder / "f") << Text(10'000);
  const File file(folder / "f");
  const DirectFile direct(file);
  std::filesystem::resize_file(folder / "f", 5000);
  MemoryBlock buffer;
  EXPECT_EQ(Read(direct, 0, 5000, buffer), Text(5000));
  try {
    direct.ReadAt(4000, 2000, buffer);
    FAIL() << "expected a StorageError";
  } catch (const StorageError& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("at byte 5000: expected 10000 bytes in the file, "
                                                 "found 5000"));
  }
}

}  // namespace
}  // namespace trinity

#include "checkpoint/safetensors_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/thread_pool.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/safetensors.h"
#include "tests/support/paths.h"

namespace trinity {
namespace {

std::span<const std::byte> BytesOfText(const std::string& text) {
  return std::as_bytes(std::span(text));
}

TEST(SafetensorsWriter, WritesWhatTheReaderReads) {
  TemporaryFolder folder;
  const std::vector<TensorSpec> specs = {{"odd", DType::kU8, {3}},
                                         {"empty", DType::kF32, {4, 0}},
                                         {"q\"\u00e9", DType::kBF16, {1, 2}},
                                         {"scalar", DType::kF32, {}}};
  SafetensorsWriter writer(folder / "f.safetensors", specs, {{"format", "pt"}, {"a", "\n"}});
  writer.WriteAt(0, 1, BytesOfText("bc"));
  writer.WriteAt(3, 0, BytesOfText("wxyz"));
  writer.WriteAt(0, 0, BytesOfText("a"));
  writer.WriteAt(2, 0, BytesOfText("1234"));
  writer.Commit();

  const Checkpoint checkpoint = Checkpoint::Open(folder / "f.safetensors");
  EXPECT_EQ(checkpoint.files()[0].size_bytes(), writer.file_bytes());
  ASSERT_EQ(checkpoint.tensors().size(), specs.size());
  const std::vector<std::string> contents = {"abc", "", "1234", "wxyz"};
  for (size_t i = 0; i < specs.size(); ++i) {
    const TensorInfo* tensor = checkpoint.Find(specs[i].name);
    ASSERT_NE(tensor, nullptr) << specs[i].name;
    EXPECT_EQ(tensor->dtype, specs[i].dtype);
    EXPECT_EQ(tensor->shape, specs[i].shape);
    std::string bytes(static_cast<size_t>(tensor->num_bytes), '\0');
    checkpoint.ReadAt(*tensor, 0, std::as_writable_bytes(std::span(bytes)));
    EXPECT_EQ(bytes, contents[i]);
  }
}

TEST(SafetensorsWriter, AlignsDataToEightBytesAndEachTensorToItsType) {
  TemporaryFolder folder;
  for (int extra = 0; extra < 9; ++extra) {
    const std::string path = folder / std::to_string(extra);
    const std::vector<TensorSpec> specs = {
        {"u8" + std::string(static_cast<size_t>(extra), 'x'), DType::kU8, {1}},
        {"bf16", DType::kBF16, {3}},
        {"f32", DType::kF32, {1}}};
    SafetensorsWriter writer(path, specs);
    for (size_t i = 0; i < specs.size(); ++i) {
      const std::vector<std::byte> zeros(static_cast<size_t>(specs[i].num_bytes()));
      writer.WriteAt(i, 0, zeros);
    }
    writer.Commit();
    for (const TensorInfo& tensor : ReadSafetensorsHeader(File(path), 0)) {
      const int64_t alignment = tensor.dtype == DType::kF32 ? 8 : InfoOf(tensor.dtype).block_bytes;
      EXPECT_EQ(tensor.offset % alignment, 0) << tensor.name;
    }
  }
}

TEST(SafetensorsWriter, TakesDataFromManyThreads) {
  TemporaryFolder folder;
  constexpr int64_t kNumTensors = 200, kNumValues = 1000;
  std::vector<TensorSpec> specs;
  for (int64_t i = 0; i < kNumTensors; ++i) {
    specs.push_back({fmt::format("t{}", i), DType::kI64, {kNumValues}});
  }
  SafetensorsWriter writer(folder / "f.safetensors", specs);
  ThreadPool pool(4);
  pool.ParallelFor(kNumTensors, [&](int64_t i, int) {
    const std::vector<int64_t> values(kNumValues, i);
    writer.WriteAt(static_cast<size_t>(i), 0, std::as_bytes(std::span(values)));
  });
  writer.Commit();
  const Checkpoint checkpoint = Checkpoint::Open(folder / "f.safetensors");
  for (int64_t i = 0; i < kNumTensors; ++i) {
    std::vector<int64_t> values(kNumValues);
    checkpoint.ReadAt(*checkpoint.Find(fmt::format("t{}", i)), 0,
                      std::as_writable_bytes(std::span(values)));
    EXPECT_THAT(values, testing::Each(i));
  }
}

TEST(SafetensorsWriter, LeavesNothingWithoutCommit) {
  TemporaryFolder folder;
  { SafetensorsWriter writer(folder / "f.safetensors", std::vector<TensorSpec>{}); }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(SafetensorsWriterDeathTest, CommitBeforeAllBytesIsADefect) {
  TemporaryFolder folder;
  const std::vector<TensorSpec> specs = {{"a", DType::kU8, {2}}};
  SafetensorsWriter writer(folder / "f.safetensors", specs);
  writer.WriteAt(0, 0, BytesOfText("x"));
  EXPECT_DEATH(writer.Commit(), "unwritten");
}

TEST(SafetensorsWriterDeathTest, SameNameTwiceIsADefect) {
  TemporaryFolder folder;
  const std::vector<TensorSpec> specs = {{"a", DType::kU8, {0}}, {"a", DType::kU8, {0}}};
  EXPECT_DEATH(SafetensorsWriter(folder / "f", specs), "insert");
}

}  // namespace
}  // namespace trinity

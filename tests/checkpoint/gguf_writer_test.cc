#include "checkpoint/gguf_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"
#include "base/thread_pool.h"
#include "checkpoint/gguf.h"
#include "tests/checkpoint/raw_gguf.h"
#include "tests/support/paths.h"

namespace trinity {
namespace {

std::span<const std::byte> BytesOfText(const std::string& text) {
  return std::as_bytes(std::span(text));
}

GgufMetadata SomeMetadata() {
  GgufMetadata metadata;
  metadata.AddString("general.architecture", "afmoe");
  metadata.AddU32("u", 4'000'000'000);
  metadata.AddF32("f", 2.826F);
  metadata.AddBool("b", true);
  metadata.AddStrings("s", std::vector<std::string>{"a", "", "\u0120x"});
  metadata.AddI32s("i", std::vector<int32_t>{3, -1});
  return metadata;
}

TEST(GgufWriter, WritesWhatTheReaderReads) {
  TemporaryFolder folder;
  const std::vector<TensorSpec> specs = {{"norm", DType::kF32, {3}},
                                         {"experts", DType::kQ4_0, {2, 1, 32}},
                                         {"head", DType::kBF16, {2, 5}}};
  GgufWriter writer(folder / "f.gguf", SomeMetadata(), specs);
  const std::string blocks(36, 'q'), norm(12, 'n'), head(20, 'h');
  writer.WriteAt(1, 18, BytesOfText(blocks).subspan(18));
  writer.WriteAt(2, 0, BytesOfText(head));
  writer.WriteAt(0, 0, BytesOfText(norm));
  writer.WriteAt(1, 0, BytesOfText(blocks).first(18));
  EXPECT_FALSE(std::filesystem::exists(folder / "f.gguf")) << "before Commit";
  writer.Commit();

  const File file(folder / "f.gguf");
  EXPECT_EQ(file.size_bytes(), writer.file_bytes());
  EXPECT_EQ(file.size_bytes() % kGgufDefaultAlignment, 0);
  const GgufHeader header = ReadGgufHeader(file, 0);
  EXPECT_EQ(header.metadata.dump(),
            R"({"general.architecture":"afmoe","u":4000000000,"f":2.8259999752044678,"b":true,)"
            "\"s\":[\"a\",\"\",\"\u0120x\"],\"i\":[3,-1]}");
  ASSERT_EQ(header.tensors.size(), specs.size());
  for (size_t i = 0; i < specs.size(); ++i) {
    const TensorInfo& tensor = header.tensors[i];
    EXPECT_EQ(tensor.name, specs[i].name);
    EXPECT_EQ(tensor.dtype, specs[i].dtype);
    EXPECT_EQ(tensor.shape, specs[i].shape);
    std::string content(static_cast<size_t>(tensor.num_bytes), '\0');
    file.ReadAt(tensor.offset, std::as_writable_bytes(std::span(content)));
    EXPECT_EQ(content, std::vector({norm, blocks, head})[i]);
  }
}

TEST(GgufWriter, CopiesEntriesOfAnotherFileToTheByte) {
  TemporaryFolder folder;
  const File source(TestData("gguf/tiny.gguf"));
  const GgufHeader header = ReadGgufHeader(source, 0);
  GgufMetadata metadata;
  for (const GgufEntry& entry : header.entries) {
    std::vector<std::byte> bytes(static_cast<size_t>(entry.num_bytes));
    source.ReadAt(entry.offset, bytes);
    metadata.AddEntry(entry.key, bytes);
  }
  GgufWriter(folder / "copy.gguf", metadata, {}).Commit();
  EXPECT_EQ(ReadGgufHeader(File(folder / "copy.gguf"), 0).metadata, header.metadata);
}

TEST(GgufWriter, WritesFromManyThreads) {
  TemporaryFolder folder;
  const TensorSpec spec = {"t", DType::kI8, {1000}};
  GgufWriter writer(folder / "f.gguf", {}, std::span(&spec, 1));
  ThreadPool pool(4);
  pool.ParallelFor(1000, [&](int64_t index, int) {
    const auto byte = static_cast<std::byte>(index);
    writer.WriteAt(0, index, std::span(&byte, 1));
  });
  writer.Commit();
  const File file(folder / "f.gguf");
  const GgufHeader header = ReadGgufHeader(file, 0);
  std::vector<std::byte> bytes(1000);
  file.ReadAt(header.tensors[0].offset, bytes);
  for (size_t i = 0; i < bytes.size(); ++i) ASSERT_EQ(bytes[i], static_cast<std::byte>(i));
}

TEST(GgufWriter, LeavesNothingWithoutCommit) {
  TemporaryFolder folder;
  { const GgufWriter writer(folder / "f.gguf", SomeMetadata(), {}); }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(GgufWriter, NoFolderIsAStorageError) {
  EXPECT_THROW(GgufWriter("/nowhere/f.gguf", {}, {}), StorageError);
}

TEST(GgufWriterDeathTest, UnwrittenBytesAndDuplicatesAreDefects) {
  TemporaryFolder folder;
  const TensorSpec spec = {"t", DType::kF32, {1}};
  GgufWriter writer(folder / "f.gguf", {}, std::span(&spec, 1));
  EXPECT_DEATH(writer.Commit(), "unwritten_bytes_");
  const std::vector<TensorSpec> twice = {spec, spec};
  EXPECT_DEATH(GgufWriter(folder / "g.gguf", {}, twice), "names");
  const TensorSpec partial = {"t", DType::kQ4_0, {33}};
  EXPECT_DEATH(GgufWriter(folder / "g.gguf", {}, std::span(&partial, 1)), "block_values");
  GgufMetadata metadata = SomeMetadata();
  EXPECT_DEATH(metadata.AddBool("b", false), "keys_");
  EXPECT_DEATH(metadata.AddU32("general.alignment", 64), "kGgufAlignmentKey");
}

}  // namespace
}  // namespace trinity

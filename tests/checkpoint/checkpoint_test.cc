#include "checkpoint/checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/error.h"
#include "tests/checkpoint/raw_safetensors.h"
#include "tests/support/paths.h"

namespace trinity {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kIndex = "model.safetensors.index.json";

// One shard with a U8 tensor of one byte for each name.
std::string Shard(const std::vector<std::string>& names) {
  std::string header = "{";
  for (size_t i = 0; i < names.size(); ++i) {
    header += fmt::format(R"({}"{}":{{"dtype":"U8","shape":[1],"data_offsets":[{},{}]}})",
                          i > 0 ? "," : "", names[i], i, i + 1);
  }
  return RawSafetensors(header + "}", names.size());
}

// A folder of shards 1.safetensors {a, b} and 2.safetensors {c}, with an index that tests spoil.
class ShardedCheckpoint : public testing::Test {
 protected:
  void SetUp() override {
    WriteFile(folder_ / "1.safetensors", Shard({"a", "b"}));
    WriteFile(folder_ / "2.safetensors", Shard({"c"}));
    WriteIndex(R"("a":"1.safetensors","b":"1.safetensors","c":"2.safetensors")");
  }
  void WriteIndex(const std::string& weight_map) {
    WriteFile(folder_ / kIndex,
              R"({"metadata":{"total_size":3},"weight_map":{)" + weight_map + "}}");
  }
  std::string Refusal() {
    const std::string message = ErrorOf([&] { Checkpoint::Open(folder_.path()); });
    EXPECT_THAT(message, AllOf(HasSubstr(folder_.path()), Not(HasSubstr("\n"))));
    return message;
  }

  TemporaryFolder folder_;
};

TEST(Checkpoint, OpensTheBundledFolder) {
  const Checkpoint checkpoint = Checkpoint::Open(PicoFolder());
  EXPECT_EQ(checkpoint.tensors().size(), 217u);
  EXPECT_EQ(checkpoint.config()["model_type"], "afmoe");
  EXPECT_EQ(checkpoint.folder(), PicoFolder());
  const TensorInfo* embedding = checkpoint.Find("model.embed_tokens.weight");
  ASSERT_NE(embedding, nullptr);
  EXPECT_EQ(ShapeText(embedding->shape), "[4096, 256]");
  EXPECT_EQ(checkpoint.Find("model.embed_tokens.weigh"), nullptr);
  EXPECT_EQ(checkpoint.Find(""), nullptr);
  EXPECT_EQ(checkpoint.Find("zzz"), nullptr);
}

TEST(Checkpoint, OpensOneFileWithTheConfigBesideIt) {
  const Checkpoint checkpoint = Checkpoint::Open(PicoFolder() + "/model.safetensors");
  EXPECT_EQ(checkpoint.tensors().size(), 217u);
  EXPECT_EQ(checkpoint.config()["model_type"], "afmoe");
  EXPECT_EQ(checkpoint.folder(), PicoFolder());
}

TEST(Checkpoint, ReadsPartsOfATensor) {
  TemporaryFolder folder;
  const std::string header = R"({"w":{"dtype":"U8","shape":[5],"data_offsets":[0,5]}})";
  WriteFile(folder / "f.safetensors", RawSafetensors(header.size(), header, "hello"));
  const Checkpoint checkpoint = Checkpoint::Open(folder / "f.safetensors");
  EXPECT_TRUE(checkpoint.config().empty());
  std::string part(3, '\0');
  checkpoint.ReadAt(checkpoint.tensors()[0], 1, std::as_writable_bytes(std::span(part)));
  EXPECT_EQ(part, "ell");
}

TEST(Checkpoint, SaysWhatAFolderWithoutTensorsLacks) {
  TemporaryFolder folder;
  EXPECT_THAT(ErrorOf([&] { Checkpoint::Open(folder.path()); }),
              HasSubstr("expected model.safetensors or model.safetensors.index.json"));
  EXPECT_THAT(ErrorOf([&] { Checkpoint::Open(folder / "none"); }), HasSubstr("No such file"));
}

TEST(Checkpoint, RefusesConfigThatIsNoObject) {
  TemporaryFolder folder;
  WriteFile(folder / "model.safetensors", Shard({"a"}));
  WriteFile(folder / "config.json", "[1]");
  EXPECT_THAT(ErrorOf([&] { Checkpoint::Open(folder.path()); }),
              HasSubstr("config.json: expected a JSON object, found a JSON array"));
  WriteFile(folder / "config.json", "{");
  EXPECT_THAT(ErrorOf([&] { Checkpoint::Open(folder.path()); }),
              HasSubstr("config.json: not valid JSON"));
}

TEST(Checkpoint, RefusesFifoFolderAndEmptyFileAsFile) {
  TemporaryFolder folder;
  const std::string path = folder / "model.safetensors";
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  EXPECT_THAT(ErrorOf([&] { Checkpoint::Open(path); }), HasSubstr("found a FIFO"));
  EXPECT_THAT(ErrorOf([&] { Checkpoint::Open(folder.path()); }), HasSubstr("found a FIFO"));
  fs::remove(path);
  fs::create_directory(path);
  EXPECT_THAT(ErrorOf([&] { Checkpoint::Open(folder.path()); }), HasSubstr("found a folder"));
  fs::remove(path);
  WriteFile(path, "");
  EXPECT_THAT(ErrorOf([&] { Checkpoint::Open(path); }), HasSubstr("found 0"));
}

TEST(Checkpoint, FileTruncatedAfterOpeningIsAStorageError) {
  TemporaryFolder folder;
  const std::string path = folder / "model.safetensors";
  WriteFile(path, Shard({"a", "b"}));
  const Checkpoint checkpoint = Checkpoint::Open(path);
  fs::resize_file(path, fs::file_size(path) - 1);
  std::byte byte{};
  EXPECT_NO_THROW(checkpoint.ReadAt(*checkpoint.Find("a"), 0, std::span(&byte, 1)));
  EXPECT_THROW(checkpoint.ReadAt(*checkpoint.Find("b"), 0, std::span(&byte, 1)), StorageError);
}

TEST(CheckpointDeathTest, ReadBeyondATensorIsADefect) {
  TemporaryFolder folder;
  WriteFile(folder / "f.safetensors", Shard({"a", "b"}));
  const Checkpoint checkpoint = Checkpoint::Open(folder / "f.safetensors");
  std::byte bytes[2];
  EXPECT_DEATH(checkpoint.ReadAt(*checkpoint.Find("a"), 0, bytes), "num_bytes");
}

TEST_F(ShardedCheckpoint, FindsTensorsOfAllShards) {
  const Checkpoint checkpoint = Checkpoint::Open(folder_.path());
  EXPECT_EQ(checkpoint.tensors().size(), 3u);
  EXPECT_EQ(checkpoint.files().size(), 2u);
  EXPECT_EQ(checkpoint.total_bytes(), 3);
  const TensorInfo* c = checkpoint.Find("c");
  ASSERT_NE(c, nullptr);
  EXPECT_THAT(checkpoint.files()[static_cast<size_t>(c->file_index)].path(),
              HasSubstr("2.safetensors"));
  EXPECT_EQ(Checkpoint::Open(folder_ / kIndex).tensors().size(), 3u);
}

TEST_F(ShardedCheckpoint, RefusesPathOutOfTheFolder) {
  for (const char* name :
       {"../1.safetensors", "sub/../1.safetensors", "..", ".", "", "./x", "sub/1.safetensors",
        "1.safetensors\\u0000.txt", "\\u001b[31m", "a\\nb", "\\u007f"}) {
    WriteIndex(fmt::format(R"("a":"{}")", name));
    EXPECT_THAT(Refusal(), HasSubstr("tensor a: expected the name of a file in the same folder"))
        << name;
  }
}

TEST_F(ShardedCheckpoint, RefusesAbsolutePath) {
  WriteIndex(R"("a":"/etc/passwd")");
  EXPECT_THAT(Refusal(), HasSubstr("found \"/etc/passwd\""));
}

TEST_F(ShardedCheckpoint, RefusesSymlinkOutOfTheFolder) {
  TemporaryFolder elsewhere;
  WriteFile(elsewhere / "2.safetensors", Shard({"c"}));
  fs::remove(folder_ / "2.safetensors");
  fs::create_symlink(elsewhere / "2.safetensors", folder_ / "2.safetensors");
  EXPECT_THAT(Refusal(), HasSubstr("is a symbolic link out of its folder"));
}

TEST_F(ShardedCheckpoint, FollowsSymlinkWithinTheFolder) {
  fs::rename(folder_ / "2.safetensors", folder_ / "blob");
  fs::create_symlink("blob", folder_ / "2.safetensors");
  EXPECT_EQ(Checkpoint::Open(folder_.path()).tensors().size(), 3u);
}

TEST_F(ShardedCheckpoint, FollowsSymlinksOfTheHuggingFaceCache) {
  const fs::path snapshot = fs::path(folder_ / "models--x") / "snapshots" / "revision";
  const fs::path blobs = fs::path(folder_ / "models--x") / "blobs";
  fs::create_directories(snapshot);
  fs::create_directories(blobs);
  for (const char* name : {"1.safetensors", "2.safetensors", kIndex}) {
    fs::rename(folder_ / name, blobs / name);
    fs::create_symlink(fs::path("../../blobs") / name, snapshot / name);
  }
  EXPECT_EQ(Checkpoint::Open(snapshot.string()).tensors().size(), 3u);
  fs::rename(blobs / "2.safetensors", folder_ / "2.safetensors");
  fs::remove(snapshot / "2.safetensors");
  fs::create_symlink(folder_ / "2.safetensors", snapshot / "2.safetensors");
  EXPECT_THAT(ErrorOf([&] { Checkpoint::Open(snapshot.string()); }),
              HasSubstr("is a symbolic link out of its folder"));
}

TEST_F(ShardedCheckpoint, RefusesMissingShard) {
  fs::remove(folder_ / "2.safetensors");
  EXPECT_THAT(Refusal(), AllOf(HasSubstr("2.safetensors"), HasSubstr("No such file")));
}

TEST_F(ShardedCheckpoint, RefusesFifoAsShard) {
  fs::remove(folder_ / "2.safetensors");
  ASSERT_EQ(mkfifo((folder_ / "2.safetensors").c_str(), 0600), 0);
  EXPECT_THAT(Refusal(), HasSubstr("found a FIFO"));
}

TEST_F(ShardedCheckpoint, RefusesTensorInTheWrongShard) {
  WriteIndex(R"("a":"1.safetensors","b":"2.safetensors","c":"2.safetensors")");
  EXPECT_THAT(Refusal(), HasSubstr("tensor b: expected in 2.safetensors, found in 1.safetensors"));
}

TEST_F(ShardedCheckpoint, RefusesTensorThatNoShardHolds) {
  WriteIndex(R"("a":"1.safetensors","b":"1.safetensors","c":"2.safetensors","d":"1.safetensors")");
  EXPECT_THAT(Refusal(), HasSubstr("tensor d: expected in 1.safetensors, not found there"));
}

TEST_F(ShardedCheckpoint, RefusesTensorThatTheIndexLacks) {
  WriteIndex(R"("a":"1.safetensors","c":"2.safetensors")");
  EXPECT_THAT(Refusal(), HasSubstr("tensor b of 1.safetensors is not in the weight_map"));
}

TEST_F(ShardedCheckpoint, RefusesTensorInTwoShards) {
  WriteFile(folder_ / "2.safetensors", Shard({"b", "c"}));
  EXPECT_THAT(Refusal(), AllOf(HasSubstr("tensor b is in two files"), HasSubstr("1.safetensors"),
                               HasSubstr("2.safetensors")));
}

TEST_F(ShardedCheckpoint, RefusesIndexThatIsNoIndex) {
  WriteIndex("");
  EXPECT_THAT(Refusal(), HasSubstr("weight_map is empty"));
  WriteIndex(R"("a":1)");
  EXPECT_THAT(Refusal(), HasSubstr("tensor a: expected a file name, found an integer"));
  WriteIndex(R"("a":"1.safetensors","a":"2.safetensors")");
  EXPECT_THAT(Refusal(), HasSubstr("weight_map has tensor a twice"));
  WriteFile(folder_ / kIndex, "{}");
  EXPECT_THAT(Refusal(), HasSubstr("has no \"weight_map\""));
  WriteFile(folder_ / kIndex, R"({"weight_map":[]})");
  EXPECT_THAT(Refusal(), HasSubstr("weight_map: expected an object, found an array"));
  WriteFile(folder_ / kIndex, R"({"weight_map":{},"weight_map":{}})");
  EXPECT_THAT(Refusal(), HasSubstr("\"weight_map\" twice"));
  WriteFile(folder_ / kIndex, "not json");
  EXPECT_THAT(Refusal(), HasSubstr("not valid JSON"));
  WriteFile(folder_ / kIndex,
            R"({"weight_map":)" + std::string(500'000, '[') + std::string(500'000, ']') + "}");
  EXPECT_THAT(Refusal(), HasSubstr("nested deeper than 64"));
}

TEST_F(ShardedCheckpoint, RefusesSparseShardsWhoseSizesOverflowTogether) {
  constexpr int64_t kHalf = int64_t{1} << 62;
  int opened = 0;
  for (const char* name : {"1", "2"}) {
    const std::string header = fmt::format(
        R"({{"{}":{{"dtype":"U8","shape":[{}],"data_offsets":[0,{}]}}}})", name, kHalf, kHalf);
    const std::string path = folder_ / (std::string(name) + ".safetensors");
    WriteFile(path, RawSafetensors(header.size(), header, ""));
    std::error_code too_large;
    fs::resize_file(path, 8 + header.size() + static_cast<uint64_t>(kHalf), too_large);
    if (!too_large) ++opened;
  }
  WriteIndex(R"("1":"1.safetensors","2":"2.safetensors")");
  EXPECT_THAT(Refusal(), HasSubstr(opened == 2 ? "add up to more than" : "truncated"));
}

}  // namespace
}  // namespace trinity

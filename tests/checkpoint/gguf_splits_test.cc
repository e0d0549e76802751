#include "checkpoint/gguf_splits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"
#include "checkpoint/checkpoint.h"
#include "tests/checkpoint/raw_gguf.h"
#include "tests/checkpoint/raw_safetensors.h"
#include "tests/support/paths.h"

namespace trinity {
namespace {

using testing::HasSubstr;

RawGguf Part(int index, int count, int num_tensors) {
  RawGguf raw;
  raw.Key("split.no", GgufType::kU16, RawNumber(static_cast<uint16_t>(index)));
  raw.Key("split.count", GgufType::kU16, RawNumber(static_cast<uint16_t>(count)));
  raw.Key("split.tensors.count", GgufType::kI32, RawNumber(num_tensors));
  raw.Tensor("t" + std::to_string(index), {1}, 0, 0).Data(4);
  return raw;
}

// A model of two files, which tests spoil.
class SplitGguf : public testing::Test {
 protected:
  void SetUp() override {
    WriteFile(first_, Part(0, 2, 2).Bytes());
    WriteFile(second_, Part(1, 2, 2).Bytes());
  }
  std::string Refusal() {
    return ErrorOf([&] { Checkpoint::Open(first_); });
  }

  TemporaryFolder folder_;
  std::string first_ = folder_ / "m-00001-of-00002.gguf";
  std::string second_ = folder_ / "m-00002-of-00002.gguf";
};

TEST_F(SplitGguf, OpensAllFilesOfTheReference) {
  const Checkpoint checkpoint = Checkpoint::Open(TestData("gguf/split-00001-of-00003.gguf"));
  const Json expected = LoadJson(TestData("gguf/split.json"));
  EXPECT_EQ(checkpoint.files().size(), 3u);
  ASSERT_EQ(checkpoint.tensors().size(), expected.size());
  for (const Json& entry : expected) {
    const TensorInfo* tensor = checkpoint.Find(entry["name"].get<std::string>());
    ASSERT_NE(tensor, nullptr);
    EXPECT_EQ(Json(tensor->shape), entry["shape"]);
    std::vector<std::byte> bytes(static_cast<size_t>(tensor->num_bytes));
    checkpoint.ReadAt(*tensor, 0, bytes);
    uint64_t sum = 0;
    for (const std::byte byte : bytes) sum += static_cast<uint64_t>(byte);
    EXPECT_EQ(sum, entry["sum"].get<uint64_t>()) << tensor->name;
  }
  ASSERT_NE(checkpoint.gguf_metadata(), nullptr);
  EXPECT_EQ((*checkpoint.gguf_metadata())["afmoe.block_count"], 2);
  EXPECT_TRUE(checkpoint.config().empty());
}

TEST_F(SplitGguf, OpensTwoFiles) { EXPECT_EQ(Checkpoint::Open(first_).tensors().size(), 2u); }

TEST_F(SplitGguf, AsksForTheFirstFile) {
  EXPECT_THAT(ErrorOf([&] { Checkpoint::Open(second_); }),
              HasSubstr("is file 2 of 2 of a split model: name the first one"));
}

TEST_F(SplitGguf, RefusesMissingFile) {
  std::filesystem::remove(second_);
  EXPECT_THAT(Refusal(), HasSubstr("m-00002-of-00002.gguf: cannot be opened: No such file"));
}

TEST_F(SplitGguf, RefusesFileOfAnotherIndexOrCount) {
  WriteFile(second_, Part(0, 2, 2).Bytes());
  EXPECT_THAT(Refusal(), HasSubstr("expected file 2 of 2 of a split model, found file 1 of 2"));
  WriteFile(second_, Part(1, 3, 2).Bytes());
  EXPECT_THAT(Refusal(), HasSubstr("expected file 2 of 2 of a split model, found file 2 of 3"));
  WriteFile(second_, RawGguf().Tensor("t", {1}, 0, 0).Data(4).Bytes());
  EXPECT_THAT(Refusal(), HasSubstr("found file 1 of 1"));
}

TEST_F(SplitGguf, RefusesAnotherNumberOfTensors) {
  WriteFile(first_, Part(0, 2, 3).Bytes());
  EXPECT_THAT(
      Refusal(),
      HasSubstr("split.tensors.count: expected the number of tensors of all files, 2, found 3"));
}

TEST_F(SplitGguf, RefusesTensorThatIsInTwoFiles) {
  RawGguf second = Part(1, 2, 3);
  WriteFile(second_, second.Tensor("t0", {1}, 0, 32).Data(64).Bytes());
  WriteFile(first_, Part(0, 2, 3).Bytes());
  EXPECT_THAT(Refusal(), HasSubstr("tensor t0 is in two files"));
}

TEST_F(SplitGguf, RefusesNameThatDoesNotCount) {
  const std::string renamed = folder_ / "model.gguf";
  std::filesystem::rename(first_, renamed);
  EXPECT_THAT(ErrorOf([&] { Checkpoint::Open(renamed); }),
              HasSubstr("expected a name that ends with -00001-of-00002.gguf"));
}

TEST(GgufSplits, RefusesKeysThatDoNotFitEachOther) {
  const auto refusal = [](const char* json) {
    return ErrorOf([&] { FindGgufSplit(Json::parse(json), "f"); });
  };
  EXPECT_THAT(refusal(R"({"split.count": 2})"), HasSubstr("split.no is missing"));
  EXPECT_THAT(refusal(R"({"split.count": 2, "split.no": 0})"),
              HasSubstr("split.tensors.count is missing"));
  EXPECT_THAT(refusal(R"({"split.count": 2, "split.no": 2, "split.tensors.count": 1})"),
              HasSubstr("split.no: expected less than split.count, 2, found 2"));
  EXPECT_THAT(refusal(R"({"split.count": "2", "split.no": 0, "split.tensors.count": 1})"),
              HasSubstr("split.count: expected an integer from 0 to 65535, found \"2\""));
  EXPECT_THAT(
      refusal(R"({"split.count": 18446744073709551615, "split.no": 0, "split.tensors.count": 1})"),
      HasSubstr("found 18446744073709551615"));
  EXPECT_THAT(refusal(R"({"split.count": 2, "split.no": 0, "split.tensors.count": -1})"),
              HasSubstr("found -1"));
}

TEST(GgufSplits, OneFileIsNoSplit) {
  EXPECT_FALSE(FindGgufSplit(Json::object(), "f").has_value());
  const Json one = Json::parse(R"({"split.count": 1, "split.no": 0, "split.tensors.count": 1})");
  EXPECT_FALSE(FindGgufSplit(one, "f").has_value());
}

}  // namespace
}  // namespace trinity

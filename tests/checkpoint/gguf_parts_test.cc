#include "checkpoint/gguf_parts.h"

#include <gmock/gmock.h>

#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/checkpoint/raw_gguf.h"
#include "tests/checkpoint/raw_safetensors.h"
#include "tests/support/paths.h"

namespace trinity {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string RawIntegers(const std::vector<int32_t>& values) {
  std::string elements;
  for (const int32_t value : values) elements += RawNumber(value);
  return RawArray(GgufType::kI32, values.size(), elements);
}

RawGguf Part(int rank, const std::vector<int32_t>& shapes, const std::vector<int32_t>& firsts) {
  RawGguf raw;
  raw.Key("trinity.part.rank", GgufType::kU32, RawNumber(static_cast<uint32_t>(rank)));
  raw.Key("trinity.part.ranks", GgufType::kU32, RawNumber(uint32_t{2}));
  raw.Key("trinity.part.shapes", GgufType::kArray, RawIntegers(shapes));
  raw.Key("trinity.part.firsts", GgufType::kArray, RawIntegers(firsts));
  return raw;
}

std::string RawFloats(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

std::vector<float> ValuesOf(const Checkpoint& checkpoint, const char* name, int64_t first,
                            size_t count) {
  std::vector<float> values(count);
  checkpoint.ReadAt(*checkpoint.Find(name), first * 4, std::as_writable_bytes(std::span(values)));
  return values;
}

// The tensor "t" [2, 3] of 0 to 5 in two files, the first with its first column, the second with
// the others; "whole" in both.
class CutGguf : public testing::Test {
 protected:
  void SetUp() override {
    RawGguf first = Part(0, {2, 3, 2}, {0, 0, 0});
    first.Tensor("t", {1, 2}, 0, 0).Tensor("whole", {2}, 0, 32);
    first.data = RawFloats({0, 3}) + std::string(24, '\0') + RawFloats({8, 9});
    WriteFile(path_of_[0], first.Bytes());
    RawGguf second = Part(1, {2, 3, 2}, {0, 1, 0});
    second.Tensor("t", {2, 2}, 0, 0).Tensor("whole", {2}, 0, 32);
    second.data = RawFloats({1, 2, 4, 5}) + std::string(16, '\0') + RawFloats({8, 9});
    WriteFile(path_of_[1], second.Bytes());
  }

  TemporaryFolder folder_;
  std::string path_of_[2] = {folder_ / "m-rank-0-of-2.gguf", folder_ / "m-rank-1-of-2.gguf"};
};

TEST_F(CutGguf, AllFilesTogetherHoldTheWholeTensor) {
  for (const std::string& path : path_of_) {
    const Checkpoint checkpoint = Checkpoint::Open(path);
    EXPECT_THAT(checkpoint.Find("t")->shape, ElementsAre(2, 3));
    EXPECT_THAT(ValuesOf(checkpoint, "t", 0, 6), ElementsAre(0, 1, 2, 3, 4, 5));
    EXPECT_THAT(ValuesOf(checkpoint, "t", 2, 3), ElementsAre(2, 3, 4));
    EXPECT_THAT(ValuesOf(checkpoint, "whole", 0, 2), ElementsAre(8, 9));
  }
}

TEST_F(CutGguf, OneFileHoldsItsPartAlone) {
  std::filesystem::remove(path_of_[0]);
  // Named by the file of another rank, as a host is told by the first one.
  const Checkpoint checkpoint = Checkpoint::Open(path_of_[0]);
  EXPECT_THAT(ValuesOf(checkpoint, "t", 1, 2), ElementsAre(1, 2));
  EXPECT_THAT(ValuesOf(checkpoint, "whole", 0, 2), ElementsAre(8, 9));
  EXPECT_THAT(ErrorOf([&] { ValuesOf(checkpoint, "t", 2, 2); }),
              HasSubstr("tensor t: byte 12 is in the file of another rank"));
  std::filesystem::remove(path_of_[1]);
  EXPECT_THAT(ErrorOf([&] { Checkpoint::Open(path_of_[0]); }),
              HasSubstr("expected this file or that of another of the 2 ranks, found none"));
}

TEST_F(CutGguf, RefusesFilesThatDoNotFitEachOther) {
  const auto refusal = [&](const std::string& second) {
    WriteFile(path_of_[1], second);
    return ErrorOf([&] { Checkpoint::Open(path_of_[0]); });
  };
  const auto with_tensor = [](RawGguf raw) {
    return raw.Tensor("t", {2, 2}, 0, 0).Data(16).Bytes();
  };
  EXPECT_THAT(refusal(with_tensor(Part(0, {2, 3}, {0, 1}))),
              HasSubstr("expected the part of rank 1 of 2, found that of rank 0 of 2"));
  EXPECT_THAT(refusal(with_tensor(RawGguf())),
              HasSubstr("expected the part of rank 1 of 2, found no part"));
  EXPECT_THAT(refusal(with_tensor(Part(1, {2, 4}, {0, 1}))),
              HasSubstr("tensor t: expected F32 [2, 3], as the files of other ranks have it, found "
                        "F32 [2, 4]"));
  EXPECT_THAT(refusal(with_tensor(Part(1, {2, 3}, {0, 2}))),
              HasSubstr("tensor t [2, 2]: expected a box of whole blocks within the whole tensor, "
                        "found [2, 3] at [0, 2]"));
  EXPECT_THAT(refusal(with_tensor(Part(1, {2}, {0}))),
              HasSubstr("trinity.part.shapes: expected as many numbers as the tensors have"));
  EXPECT_THAT(refusal(with_tensor(Part(1, {2, 3, 1}, {0, 1, 0}))),
              HasSubstr("trinity.part.shapes: expected 2 numbers"));
  EXPECT_THAT(refusal(with_tensor(Part(1, {2, 3}, {0, -1}))),
              HasSubstr("trinity.part.firsts: expected an integer from 0 to 2147483647, found -1"));
}

TEST_F(CutGguf, RefusesANameThatDoesNotSayTheRank) {
  const std::string renamed = folder_ / "model.gguf";
  std::filesystem::rename(path_of_[0], renamed);
  EXPECT_THAT(ErrorOf([&] { Checkpoint::Open(renamed); }),
              HasSubstr("holds the part of rank 0: expected a name that ends with "
                        "-rank-0-of-2.gguf"));
}

TEST(GgufPartName, IsOfAWholeNumberBelowAnother) {
  const std::optional<GgufPartName> name = ParseGgufPartName("a-rank-1/m-rank-3-of-12.gguf");
  ASSERT_TRUE(name);
  EXPECT_EQ(name->prefix, "a-rank-1/m");
  EXPECT_EQ(name->part.rank, 3);
  EXPECT_EQ(name->PathOf(11), "a-rank-1/m-rank-11-of-12.gguf");
  for (const char* other : {"m.gguf", "m-rank-2-of-2.gguf", "m-rank--1-of-2.gguf",
                            "m-rank-0-of-2.gguf.partial", "m-rank-x-of-2.gguf", "m-rank-0-of-2"}) {
    EXPECT_FALSE(ParseGgufPartName(other)) << other;
  }
}

TEST(GgufParts, RefuseKeysThatDoNotFitEachOther) {
  const auto refusal = [](const char* json) {
    return ErrorOf([&] { FindGgufPart(Json::parse(json), "f"); });
  };
  EXPECT_THAT(refusal(R"({"trinity.part.rank": 0})"),
              HasSubstr("trinity.part.ranks is missing, other keys of a part are there"));
  EXPECT_THAT(refusal(R"({"trinity.part.rank": 2, "trinity.part.ranks": 2})"),
              HasSubstr("trinity.part.rank: expected less than trinity.part.ranks, 2, found 2"));
}

}  // namespace
}  // namespace trinity

#include "checkpoint/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "base/error.h"
#include "tests/checkpoint/raw_safetensors.h"
#include "tests/support/paths.h"

namespace trinity {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class SafetensorsHeader : public testing::Test {
 protected:
  std::vector<TensorInfo> Read(std::string_view bytes) {
    WriteFile(path_, bytes);
    return ReadSafetensorsHeader(File(path_), 0);
  }
  // The message for a file of these bytes: always one line that names the file.
  std::string Refusal(std::string_view bytes) {
    const std::string message = ErrorOf([&] { Read(bytes); });
    EXPECT_THAT(message, AllOf(HasSubstr(path_), Not(HasSubstr("\n"))));
    return message;
  }
  // The message for a header over `num_data_bytes` of data.
  std::string HeaderRefusal(std::string_view header, size_t num_data_bytes) {
    return Refusal(RawSafetensors(header, num_data_bytes));
  }

  TemporaryFolder folder_;
  std::string path_ = folder_ / "f.safetensors";
};

TEST_F(SafetensorsHeader, GivesNameTypeShapeAndPlace) {
  const std::string header =
      R"({"__metadata__":{"format":"pt"},"b":{"dtype":"BF16","shape":[2,3],"data_offsets":[4,16]},)"
      R"("a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}  )";
  const auto tensors = Read(RawSafetensors(header, 16));
  ASSERT_EQ(tensors.size(), 2u);
  EXPECT_EQ(tensors[0].name, "a");
  EXPECT_THAT(tensors[0].shape, IsEmpty());
  EXPECT_EQ(tensors[0].num_values(), 1);
  EXPECT_EQ(tensors[1].name, "b");
  EXPECT_EQ(tensors[1].dtype, DType::kBF16);
  EXPECT_THAT(tensors[1].shape, ElementsAre(2, 3));
  EXPECT_EQ(tensors[1].offset, static_cast<int64_t>(8 + header.size() + 4));
  EXPECT_EQ(tensors[1].num_bytes, 12);
}

TEST_F(SafetensorsHeader, AcceptsNoTensorsAtAll) {
  EXPECT_THAT(Read(RawSafetensors("{}", 0)), IsEmpty());
}

TEST_F(SafetensorsHeader, AcceptsEmptyTensorsBetweenOthers) {
  const auto tensors =
      Read(RawSafetensors(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
                          R"("none":{"dtype":"F32","shape":[7,0],"data_offsets":[2,2]},)"
                          R"("b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]},)"
                          R"("end":{"dtype":"F32","shape":[0],"data_offsets":[3,3]}})",
                          3));
  ASSERT_EQ(tensors.size(), 4u);
  EXPECT_EQ(tensors[1].name, "none");
  EXPECT_EQ(tensors[1].num_values(), 0);
  EXPECT_EQ(tensors[1].num_bytes, 0);
}

TEST_F(SafetensorsHeader, RefusesEmptyTensorInsideAnother) {
  EXPECT_THAT(HeaderRefusal(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
                            R"("none":{"dtype":"F32","shape":[0],"data_offsets":[1,1]}})",
                            2),
              HasSubstr("tensor none: overlaps a"));
}

TEST_F(SafetensorsHeader, RefusesLengthZero) {
  EXPECT_THAT(Refusal(RawSafetensors(0, "", "")), HasSubstr("expected at least 2, found 0"));
}

TEST_F(SafetensorsHeader, RefusesLengthOne) {
  EXPECT_THAT(Refusal(RawSafetensors(1, "{", "")), HasSubstr("expected at least 2, found 1"));
}

TEST_F(SafetensorsHeader, RefusesLengthTwoToThe63) {
  EXPECT_THAT(Refusal(RawSafetensors(uint64_t{1} << 63, "{}", "")),
              HasSubstr("found 9223372036854775808"));
  EXPECT_THAT(Refusal(RawSafetensors(~uint64_t{0}, "{}", "")),
              HasSubstr("found 18446744073709551615"));
}

TEST_F(SafetensorsHeader, RefusesLengthBeyondFile) {
  EXPECT_THAT(Refusal(RawSafetensors(3, "{}", "")),
              HasSubstr("expected at most the 2 bytes that follow, found 3"));
}

TEST_F(SafetensorsHeader, RefusesLengthOver100MB) {
  WriteFile(path_, RawSafetensors(100'000'001, "{}", ""));
  std::filesystem::resize_file(path_, 200'000'000);  // sparse
  EXPECT_THAT(ErrorOf([&] { ReadSafetensorsHeader(File(path_), 0); }),
              HasSubstr("expected at most 100000000, found 100000001"));
}

TEST_F(SafetensorsHeader, RefusesWhatIsNotJson) {
  for (const char* header : {"  ", "{]", "[}", R"({"a":})", R"({"a" 1})", "{}x", R"({"a":nan})"}) {
    EXPECT_THAT(HeaderRefusal(header, 0), HasSubstr("safetensors header: not valid JSON"))
        << header;
  }
  EXPECT_THAT(HeaderRefusal("[]", 0), HasSubstr("expected a JSON object, found an array"));
}

TEST_F(SafetensorsHeader, RefusesDeepJson) {
  const std::string opening = R"({"a":)" + std::string(5'000'000, '[');
  EXPECT_THAT(HeaderRefusal(opening, 0), HasSubstr("not valid JSON"));
  EXPECT_THAT(HeaderRefusal(opening + std::string(5'000'000, ']') + "}", 0),
              HasSubstr("nested deeper than 64"));
}

TEST_F(SafetensorsHeader, RefusesDuplicateKeys) {
  EXPECT_THAT(HeaderRefusal(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                            R"("a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
                            2),
              HasSubstr("has the key \"a\" twice"));
  EXPECT_THAT(
      HeaderRefusal(R"({"a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 1),
      HasSubstr("tensor a: has the field \"dtype\" twice"));
  EXPECT_THAT(HeaderRefusal(R"({"__metadata__":{},"__metadata__":{}})", 0),
              HasSubstr("\"__metadata__\" twice"));
  EXPECT_THAT(HeaderRefusal(R"({"__metadata__":{"k":"1","k":"2"}})", 0), HasSubstr("\"k\" twice"));
}

TEST_F(SafetensorsHeader, ReadsOneHundredThousandEntries) {
  std::string header = "{";
  constexpr int kNumTensors = 100'000;
  for (int i = 0; i < kNumTensors; ++i) {
    header += fmt::format(R"({}"model.layers.{}.w":{{"dtype":"U8","shape":[1],)"
                          R"("data_offsets":[{},{}]}})",
                          i > 0 ? "," : "", i, i, i + 1);
  }
  header += "}";
  EXPECT_EQ(Read(RawSafetensors(header, kNumTensors)).size(), size_t{kNumTensors});
  EXPECT_THAT(HeaderRefusal(header, kNumTensors - 1), HasSubstr("truncated"));
}

TEST_F(SafetensorsHeader, RefusesTextThatIsNotUtf8) {
  EXPECT_THAT(
      HeaderRefusal("{\"a\xff\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1),
      HasSubstr("not valid JSON: The input is not valid UTF-8"));
}

TEST_F(SafetensorsHeader, RefusesUnknownTypeByName) {
  EXPECT_THAT(HeaderRefusal(R"({"w":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}})", 1),
              HasSubstr("tensor w: dtype \"F8_E4M3\" is not supported"));
  EXPECT_THAT(HeaderRefusal(R"({"w":{"dtype":7,"shape":[1],"data_offsets":[0,1]}})", 1),
              HasSubstr("tensor w: dtype: expected a string, found an integer"));
}

TEST_F(SafetensorsHeader, RefusesSpanThatDiffersFromShapeTimesType) {
  EXPECT_THAT(HeaderRefusal(R"({"w":{"dtype":"F32","shape":[2,3],"data_offsets":[0,20]}})", 20),
              HasSubstr("tensor w: F32 [2, 3] takes 24 bytes, data_offsets span 20"));
  EXPECT_THAT(HeaderRefusal(R"({"w":{"dtype":"F32","shape":[2,3],"data_offsets":[0,28]}})", 28),
              HasSubstr("tensor w: F32 [2, 3] takes 24 bytes, data_offsets span 28"));
}

TEST_F(SafetensorsHeader, RefusesShapesWhoseProductOverflows) {
  for (const char* shape : {"[4294967296,4294967296]", "[9223372036854775807]",
                            "[0,4294967296,4294967296]", "[2147483648,2147483648,2]"}) {
    EXPECT_THAT(HeaderRefusal(fmt::format(R"({{"w":{{"dtype":"F32","shape":{},)"
                                          R"("data_offsets":[0,0]}}}})",
                                          shape),
                              0),
                HasSubstr("is larger than any file"))
        << shape;
  }
}

TEST_F(SafetensorsHeader, RefusesSizesThatAreNotNaturalNumbers) {
  for (const char* size : {"-1", "1.0", "1e3", "\"1\"", "null", "[1]", "9223372036854775808"}) {
    EXPECT_THAT(HeaderRefusal(fmt::format(R"({{"w":{{"dtype":"U8","shape":[{}],)"
                                          R"("data_offsets":[0,1]}}}})",
                                          size),
                              1),
                HasSubstr("tensor w: shape: expected integers"))
        << size;
  }
  EXPECT_THAT(HeaderRefusal(R"({"w":{"dtype":"U8","shape":7,"data_offsets":[0,1]}})", 1),
              HasSubstr("tensor w: shape: expected a list, found an integer"));
}

TEST_F(SafetensorsHeader, RefusesOverlap) {
  EXPECT_THAT(HeaderRefusal(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},)"
                            R"("b":{"dtype":"U8","shape":[4],"data_offsets":[3,7]}})",
                            7),
              HasSubstr("tensor b: overlaps a: expected its data at byte 4, found 3"));
}

TEST_F(SafetensorsHeader, RefusesGap) {
  EXPECT_THAT(HeaderRefusal(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},)"
                            R"("b":{"dtype":"U8","shape":[4],"data_offsets":[5,9]}})",
                            9),
              HasSubstr("tensor b: leaves a gap after a: expected its data at byte 4, found 5"));
  EXPECT_THAT(HeaderRefusal(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[1,5]}})", 5),
              HasSubstr("tensor a: leaves a gap after the header"));
}

TEST_F(SafetensorsHeader, RefusesReversedOffsets) {
  EXPECT_THAT(HeaderRefusal(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[4,0]}})", 4),
              HasSubstr("tensor a: data_offsets: expected [begin, end] with begin <= end, found"));
  EXPECT_THAT(HeaderRefusal(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4,8]}})", 4),
              HasSubstr("found [0, 4, 8]"));
}

TEST_F(SafetensorsHeader, RefusesOffsetsBeyondWhatAFileCanHold) {
  EXPECT_THAT(HeaderRefusal(R"({"a":{"dtype":"U8","shape":[7],)"
                            R"("data_offsets":[9223372036854775800,9223372036854775807]}})",
                            4),
              HasSubstr("lie beyond the file"));
}

TEST_F(SafetensorsHeader, RefusesBytesAfterTheLastTensor) {
  EXPECT_THAT(HeaderRefusal(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}})", 5),
              HasSubstr("bytes after the last tensor"));
}

TEST_F(SafetensorsHeader, RefusesMissingAndUnknownFields) {
  EXPECT_THAT(HeaderRefusal(R"({"a":{"shape":[4],"data_offsets":[0,4]}})", 4),
              HasSubstr("tensor a: has no dtype"));
  EXPECT_THAT(HeaderRefusal(R"({"a":{"dtype":"U8","data_offsets":[0,4]}})", 4),
              HasSubstr("tensor a: has no shape"));
  EXPECT_THAT(HeaderRefusal(R"({"a":{"dtype":"U8","shape":[4]}})", 4),
              HasSubstr("tensor a: has no data_offsets"));
  EXPECT_THAT(HeaderRefusal(R"({"a":{"order":"F"}})", 4), HasSubstr("unknown field \"order\""));
  EXPECT_THAT(HeaderRefusal(R"({"a":3})", 4), HasSubstr("expected an object, found an integer"));
  EXPECT_THAT(HeaderRefusal(R"({"__metadata__":{"a":1}})", 0), HasSubstr("expected a string"));
}

TEST_F(SafetensorsHeader, RefusesMoreDimensionsThanAnyTensorHas) {
  std::string ones = "1";
  for (int i = 0; i < 1000; ++i) ones += ",1";
  EXPECT_THAT(
      HeaderRefusal(R"({"a":{"dtype":"U8","shape":[)" + ones + R"(],"data_offsets":[0,1]}})", 1),
      HasSubstr("expected at most 32 entries"));
}

TEST_F(SafetensorsHeader, EscapesHostileNamesInMessages) {
  EXPECT_THAT(
      HeaderRefusal("{\"\\u001b[2J\\n\":{\"dtype\":\"?\",\"shape\":[],\"data_offsets\":[0,1]}}", 1),
      HasSubstr("tensor \\x1b[2J\\x0a: dtype"));
}

TEST_F(SafetensorsHeader, RefusesTheFileTruncatedAtEveryByte) {
  const std::string whole =
      RawSafetensors(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                     R"("b":{"dtype":"U8","shape":[4],"data_offsets":[8,12]}})",
                     12);
  EXPECT_EQ(Read(whole).size(), 2u);
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_NE(Refusal(whole.substr(0, size)), "") << size;
  }
}

TEST_F(SafetensorsHeader, RefusesAnEmptyFile) { EXPECT_THAT(Refusal(""), HasSubstr("found 0")); }

TEST_F(SafetensorsHeader, SaysThatAGitLfsPointerIsOne) {
  EXPECT_THAT(Refusal("version https://git-lfs.github.com/spec/v1\noid sha256:0\n"),
              HasSubstr("Git LFS pointer"));
}

}  // namespace
}  // namespace trinity

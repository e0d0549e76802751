#include "checkpoint/gguf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>

#include "base/error.h"
#include "tests/checkpoint/raw_gguf.h"
#include "tests/checkpoint/raw_safetensors.h"
#include "tests/support/paths.h"

namespace trinity {
namespace {

using testing::AllOf;
using testing::AnyOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr uint32_t kF32Id = 0;
constexpr uint32_t kQ4_0Id = 2;
constexpr uint64_t kMinusOne = ~uint64_t{0};

class GgufFile : public testing::Test {
 protected:
  GgufHeader Read(std::string_view bytes) {
    WriteFile(path_, bytes);
    return ReadGgufHeader(File(path_), 0);
  }
  // The message for a file of these bytes: always one line that names the file.
  std::string Refusal(std::string_view bytes) {
    const std::string message = ErrorOf([&] { Read(bytes); });
    EXPECT_THAT(message, AllOf(HasSubstr(path_), Not(HasSubstr("\n"))));
    return message;
  }
  std::string Refusal(const RawGguf& raw) { return Refusal(raw.Bytes()); }
  // For a file whose one tensor has these sizes, innermost first, over a page of data.
  std::string TensorRefusal(const std::vector<uint64_t>& sizes, uint32_t type, uint64_t offset) {
    return Refusal(RawGguf().Tensor("t", sizes, type, offset).Data(4096));
  }

  TemporaryFolder folder_;
  std::string path_ = folder_ / "f.gguf";
};

TEST_F(GgufFile, ReadsWhatTheReferenceReads) {
  const File file(TestData("gguf/tiny.gguf"));
  const GgufHeader header = ReadGgufHeader(file, 7);
  const Json expected = LoadJson(TestData("gguf/tiny.json"));
  ASSERT_EQ(header.tensors.size(), expected.size());
  for (const TensorInfo& tensor : header.tensors) {
    const auto entry = std::find_if(expected.begin(), expected.end(), [&](const Json& candidate) {
      return candidate["name"] == tensor.name;
    });
    ASSERT_NE(entry, expected.end()) << tensor.name;
    EXPECT_EQ(Json(tensor.shape), (*entry)["shape"]) << tensor.name;
    EXPECT_EQ(NameOf(tensor.dtype), (*entry)["type"].get<std::string>()) << tensor.name;
    EXPECT_EQ(tensor.file_index, 7);
    std::vector<std::byte> bytes(static_cast<size_t>(tensor.num_bytes));
    file.ReadAt(tensor.offset, bytes);
    uint64_t sum = 0;
    for (const std::byte byte : bytes) sum += static_cast<uint64_t>(byte);
    EXPECT_EQ(sum, (*entry)["sum"].get<uint64_t>()) << tensor.name;
  }
}

TEST_F(GgufFile, ReadsMetadataWithItsKinds) {
  const GgufHeader header = ReadGgufHeader(File(TestData("gguf/tiny.gguf")), 0);
  const Json& metadata = header.metadata;
  EXPECT_EQ(metadata["general.architecture"], "afmoe");
  EXPECT_EQ(metadata["afmoe.block_count"], 2);
  EXPECT_TRUE(metadata["afmoe.expert_weights_norm"].is_boolean());
  EXPECT_FLOAT_EQ(metadata["afmoe.expert_weights_scale"].get<float>(), 2.826F);
  EXPECT_EQ(metadata["tokenizer.ggml.tokens"].size(), 32u);
  EXPECT_EQ(metadata["tokenizer.ggml.tokens"][31], "\u0120\u00e9");
  EXPECT_EQ(metadata["tokenizer.ggml.token_type"][0], 3);
  EXPECT_EQ(metadata["tokenizer.ggml.merges"][1], "t 2");
  EXPECT_EQ(metadata["tokenizer.chat_template"], "{{ messages }}");
  ASSERT_EQ(header.entries.size(), metadata.size());
  EXPECT_EQ(header.entries[0].key, "general.architecture");
}

TEST_F(GgufFile, ReadsEveryKindOfValue) {
  RawGguf raw;
  raw.Key("u8", GgufType::kU8, "\xFF").Key("i8", GgufType::kI8, "\xFF");
  raw.Key("u16", GgufType::kU16, RawNumber(uint16_t{65535}));
  raw.Key("i16", GgufType::kI16, RawNumber(int16_t{-2}));
  raw.Key("i32", GgufType::kI32, RawNumber(int32_t{-3}));
  raw.Key("u64", GgufType::kU64, RawNumber(kMinusOne));
  raw.Key("i64", GgufType::kI64, RawNumber(kMinusOne));
  raw.Key("f32", GgufType::kF32, RawNumber(uint32_t{0x3FC00000}));
  raw.Key("f64", GgufType::kF64, RawNumber(uint64_t{0x3FF8000000000000}));
  raw.Key("nan", GgufType::kF32, RawNumber(uint32_t{0x7FC00000}));
  raw.Key("bool", GgufType::kBool, "\1").Key("empty", GgufType::kString, RawString(""));
  raw.Key("none", GgufType::kArray, RawArray(GgufType::kU32, 0, ""));
  raw.Key("flags", GgufType::kArray, RawArray(GgufType::kBool, 2, std::string("\1\0", 2)));
  const Json metadata = Read(raw.Bytes()).metadata;
  EXPECT_EQ(metadata["u8"], 255);
  EXPECT_EQ(metadata["i8"], -1);
  EXPECT_EQ(metadata["u16"], 65535);
  EXPECT_EQ(metadata["i16"], -2);
  EXPECT_EQ(metadata["i32"], -3);
  EXPECT_EQ(metadata["u64"], kMinusOne);
  EXPECT_EQ(metadata["i64"], -1);
  EXPECT_EQ(metadata["f32"], 1.5);
  EXPECT_EQ(metadata["f64"], 1.5);
  EXPECT_TRUE(std::isnan(metadata["nan"].get<double>()));
  EXPECT_EQ(metadata["bool"], true);
  EXPECT_EQ(metadata["empty"], "");
  EXPECT_EQ(metadata["none"], Json::array());
  EXPECT_EQ(metadata["flags"], Json({true, false}));
}

TEST_F(GgufFile, ReadsVersionTwoAndNoTensorsAtAll) {
  RawGguf raw;
  raw.version = 2;
  EXPECT_THAT(Read(raw.Bytes()).tensors, IsEmpty());
  EXPECT_EQ(raw.Bytes().size(), 24u);
}

TEST_F(GgufFile, TurnsShapesOutermostFirst) {
  const GgufHeader header = Read(
      RawGguf().Tensor("b", {64, 3, 2}, kQ4_0Id, 32).Tensor("a", {5}, kF32Id, 0).Data(256).Bytes());
  ASSERT_EQ(header.tensors.size(), 2u);
  EXPECT_EQ(header.tensors[0].name, "a");
  EXPECT_EQ(header.tensors[1].name, "b");
  EXPECT_THAT(header.tensors[1].shape, ElementsAre(2, 3, 64));
  EXPECT_EQ(header.tensors[1].num_bytes, 2 * 3 * 2 * 18);
  EXPECT_EQ(header.tensors[1].offset - header.tensors[0].offset, 32);
}

TEST_F(GgufFile, TakesTheAlignmentOfTheFile) {
  RawGguf raw;
  raw.alignment = 256;
  raw.Key("general.alignment", GgufType::kU32, RawNumber(uint32_t{256}));
  raw.Tensor("a", {1}, kF32Id, 0).Tensor("b", {1}, kF32Id, 256).Data(260);
  const GgufHeader header = Read(raw.Bytes());
  EXPECT_EQ(header.tensors[0].offset % 256, 0);
  EXPECT_EQ(header.tensors[1].offset - header.tensors[0].offset, 256);
}

TEST_F(GgufFile, ReadsTwoHundredThousandTokensFast) {
  std::string elements;
  for (int i = 0; i < 200'192; ++i) elements += RawString("token" + std::to_string(i));
  const std::string bytes = RawGguf()
                                .Key("tokenizer.ggml.tokens", GgufType::kArray,
                                     RawArray(GgufType::kString, 200'192, elements))
                                .Bytes();
  EXPECT_EQ(Read(bytes).metadata["tokenizer.ggml.tokens"][200'191], "token200191");
}

TEST_F(GgufFile, RefusesWrongMagic) {
  RawGguf raw;
  raw.magic = "GGML";
  EXPECT_THAT(Refusal(raw),
              HasSubstr("expected a GGUF file, beginning with \"GGUF\", found \"GGML\""));
  EXPECT_THAT(Refusal("version https://git-lfs.github.com/spec/v1\n"),
              HasSubstr("Git LFS pointer"));
}

TEST_F(GgufFile, RefusesOtherVersions) {
  for (const uint32_t version : {0u, 1u, 4u, 0xFFFFFFFFu}) {
    RawGguf raw;
    raw.version = version;
    EXPECT_THAT(Refusal(raw), HasSubstr("GGUF version: expected 2 or 3, found"));
  }
}

TEST_F(GgufFile, RefusesBigEndianByName) {
  for (const uint32_t version : {0x02000000u, 0x03000000u}) {
    RawGguf raw;
    raw.version = version;
    EXPECT_THAT(Refusal(raw), HasSubstr("is a big-endian GGUF file"));
  }
}

TEST_F(GgufFile, RefusesEmptyFile) {
  EXPECT_THAT(Refusal(""), HasSubstr("GGUF magic: expected 4 bytes at byte 0, the file has 0"));
}

TEST_F(GgufFile, RefusesFileTruncatedAtEveryByte) {
  RawGguf raw;
  raw.Key("k", GgufType::kArray, RawArray(GgufType::kString, 2, RawString("ab") + RawString("c")));
  raw.Key("f", GgufType::kF32, RawNumber(1.0F)).Tensor("t", {32, 2}, kQ4_0Id, 0).Data(36);
  const std::string bytes = raw.Bytes();
  ASSERT_EQ(ErrorOf([&] { Read(bytes); }), "");
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_THAT(Refusal(bytes.substr(0, size)),
                AnyOf(HasSubstr("truncated?"), HasSubstr("which fill the file")))
        << size;
  }
}

TEST_F(GgufFile, RefusesTinyModelTruncatedAnywhere) {
  std::string bytes(std::filesystem::file_size(TestData("gguf/tiny.gguf")), '\0');
  File(TestData("gguf/tiny.gguf")).ReadAt(0, std::as_writable_bytes(std::span(bytes)));
  for (size_t size = 0; size < bytes.size() - 32; size += size < 8192 ? 29 : 8209) {
    EXPECT_THAT(Refusal(bytes.substr(0, size)),
                AnyOf(HasSubstr("truncated?"), HasSubstr("which fill the file")))
        << size;
  }
}

TEST_F(GgufFile, RefusesHugeCounts) {
  for (const uint64_t count : {kMinusOne, uint64_t{1} << 63, uint64_t{1} << 40}) {
    RawGguf tensors, keys;
    tensors.num_tensors = count;
    EXPECT_THAT(Refusal(tensors), HasSubstr("tensor count: expected at most 1048576, found"));
    keys.num_keys = count;
    EXPECT_THAT(Refusal(keys), HasSubstr("metadata count: expected at most 65536, found"));
  }
  RawGguf within;
  within.num_tensors = 1'000'000;
  EXPECT_THAT(Refusal(within), HasSubstr("truncated?"));
}

TEST_F(GgufFile, RefusesStringLongerThanTheFile) {
  for (const uint64_t size : {uint64_t{100}, uint64_t{1} << 40, uint64_t{1} << 63, kMinusOne}) {
    EXPECT_THAT(Refusal(RawGguf().Key("k", GgufType::kString, RawNumber(size))),
                HasSubstr(fmt::format("k: expected {} bytes", size)));
  }
  const std::string name = RawString(std::string(70'000, 'x'));
  EXPECT_THAT(Refusal("GGUF" + RawNumber(uint32_t{3}) + RawNumber(uint64_t{0}) +
                      RawNumber(uint64_t{1}) + name),
              HasSubstr("metadata key: expected at most 65535 bytes, found 70000"));
}

TEST_F(GgufFile, RefusesArrayLongerThanTheFile) {
  for (const uint64_t count : {uint64_t{100}, uint64_t{1} << 40, uint64_t{1} << 63, kMinusOne}) {
    for (uint32_t type = 0; type <= 12; ++type) {
      if (type == static_cast<uint32_t>(GgufType::kArray)) continue;
      EXPECT_THAT(Refusal(RawGguf().Key("k", GgufType::kArray,
                                        RawArray(static_cast<GgufType>(type), count, ""))),
                  HasSubstr(fmt::format("which fill the file, found {}", count)));
    }
  }
}

TEST_F(GgufFile, RefusesMoreArrayElementsThanMemoryShouldHold) {
  const std::string half(size_t{9} << 20, '\1');
  RawGguf raw;
  raw.Key("a", GgufType::kArray, RawArray(GgufType::kU8, half.size(), half));
  raw.Key("b", GgufType::kArray, RawArray(GgufType::kU8, half.size(), half));
  EXPECT_THAT(Refusal(raw), HasSubstr("b: expected at most 16777216 array elements"));
}

TEST_F(GgufFile, RefusesNestedArrays) {
  std::string nested;
  for (int i = 0; i < 100'000; ++i) nested += RawArray(GgufType::kArray, 1, "");
  EXPECT_THAT(Refusal(RawGguf().Key("k", GgufType::kArray, nested)),
              HasSubstr("k: arrays of arrays are not supported"));
}

TEST_F(GgufFile, RefusesUnknownValueTypes) {
  EXPECT_THAT(Refusal(RawGguf().Key("k", 13u, "")),
              HasSubstr("k: expected a value type from 0 to 12, found 13"));
  EXPECT_THAT(Refusal(RawGguf().Key("k", 0xFFFFFFFFu, "")), HasSubstr("found 4294967295"));
  EXPECT_THAT(
      Refusal(RawGguf().Key("k", GgufType::kArray, RawArray(static_cast<GgufType>(99), 0, ""))),
      HasSubstr("found 99"));
  EXPECT_THAT(Refusal(RawGguf().Key("k", GgufType::kBool, "\2")),
              HasSubstr("k: expected a truth value, 0 or 1, found 2"));
}

TEST_F(GgufFile, RefusesTextThatIsNotUtf8) {
  EXPECT_THAT(Refusal(RawGguf().Key("k", GgufType::kString, RawString("a\xFF"))),
              HasSubstr("k: expected UTF-8, found \"a\\xff\""));
  EXPECT_THAT(Refusal(RawGguf().Key("k\xC0", GgufType::kU8, "\1")),
              HasSubstr("metadata key: expected UTF-8"));
  EXPECT_THAT(Refusal(RawGguf().Tensor("t\xC0", {1}, kF32Id, 0).Data(4)),
              HasSubstr("tensor name: expected UTF-8"));
}

TEST_F(GgufFile, RefusesDuplicateAndEmptyKeys) {
  EXPECT_THAT(Refusal(RawGguf().Key("k", GgufType::kU8, "\1").Key("k", GgufType::kBool, "\1")),
              HasSubstr("has the metadata key \"k\" twice"));
  EXPECT_THAT(Refusal(RawGguf().Key("", GgufType::kU8, "\1")), HasSubstr("key that is empty"));
}

TEST_F(GgufFile, RefusesDuplicateAndUnnamedTensors) {
  EXPECT_THAT(Refusal(RawGguf().Tensor("t", {1}, kF32Id, 0).Tensor("t", {1}, kF32Id, 32).Data(64)),
              HasSubstr("has tensor t twice"));
  EXPECT_THAT(Refusal(RawGguf().Tensor("", {1}, kF32Id, 0).Data(4)), HasSubstr("name is empty"));
}

TEST_F(GgufFile, RefusesAlignmentsThatAreNone) {
  for (const uint32_t alignment : {0u, 1u, 4u, 33u, 48u, 0x80000000u, 0xFFFFFFFFu}) {
    EXPECT_THAT(Refusal(RawGguf().Key("general.alignment", GgufType::kU32, RawNumber(alignment))),
                HasSubstr(fmt::format("general.alignment: expected a power of two from 8 to "
                                      "1048576, found {}",
                                      alignment)));
  }
}

TEST_F(GgufFile, RefusesAlignmentOfAnotherType) {
  EXPECT_THAT(Refusal(RawGguf().Key("general.alignment", GgufType::kString, RawString("32"))),
              HasSubstr("general.alignment: expected a 32-bit unsigned integer, found string"));
  EXPECT_THAT(Refusal(RawGguf().Key("general.alignment", GgufType::kArray,
                                    RawArray(GgufType::kU32, 1, RawNumber(32u)))),
              HasSubstr("found array"));
  EXPECT_THAT(Refusal(RawGguf().Key("general.alignment", GgufType::kI32, RawNumber(32u))),
              HasSubstr("general.alignment: expected"));
}

TEST_F(GgufFile, RefusesDimensionsOfZeroAndNegativeOnes) {
  EXPECT_THAT(TensorRefusal({0}, kF32Id, 0),
              HasSubstr("tensor t: dimension 0: expected 1 to 2^63 - 1, found 0"));
  EXPECT_THAT(TensorRefusal({4, kMinusOne}, kF32Id, 0),
              HasSubstr("dimension 1: expected 1 to 2^63 - 1, found 18446744073709551615"));
}

TEST_F(GgufFile, RefusesNoDimensionsAndMoreThanFour) {
  EXPECT_THAT(TensorRefusal({}, kF32Id, 0), HasSubstr("expected 1 to 4 dimensions, found 0"));
  EXPECT_THAT(TensorRefusal({1, 1, 1, 1, 1}, kF32Id, 0),
              HasSubstr("expected 1 to 4 dimensions, found 5"));
}

TEST_F(GgufFile, RefusesShapesWhoseProductOverflows) {
  constexpr uint64_t kLarge = uint64_t{1} << 32;
  for (const std::vector<uint64_t>& sizes : {std::vector<uint64_t>{kLarge, kLarge},
                                             {kLarge, kLarge, kLarge, kLarge},
                                             {uint64_t{1} << 62},
                                             {32, uint64_t{1} << 61},
                                             {uint64_t{1} << 62, 2}}) {
    EXPECT_THAT(TensorRefusal(sizes, kF32Id, 0), HasSubstr("is larger than any file"));
  }
  // 2^63 values in less than 2^63 bytes.
  EXPECT_THAT(TensorRefusal({kLarge, uint64_t{1} << 31}, kQ4_0Id, 0),
              HasSubstr("is larger than any file"));
}

TEST_F(GgufFile, RefusesRowsThatNoBlockDivides) {
  EXPECT_THAT(
      TensorRefusal({33, 2}, kQ4_0Id, 0),
      HasSubstr("expected rows of a multiple of 32 values as Q4_0 has them, found [2, 33]"));
  constexpr uint32_t kQ4_KId = 12;
  EXPECT_THAT(TensorRefusal({128, 2}, kQ4_KId, 0), HasSubstr("a multiple of 256 values as Q4_K"));
}

TEST_F(GgufFile, RefusesTypesByName) {
  EXPECT_THAT(TensorRefusal({256}, 16, 0),
              HasSubstr("tensor t: type IQ2_XXS (16) is not supported"));
  EXPECT_THAT(TensorRefusal({256}, 40, 0), HasSubstr("type NVFP4 (40) is not supported"));
  for (const uint32_t id : {4u, 5u, 31u, 1000u, 0xFFFFFFFFu}) {
    EXPECT_THAT(TensorRefusal({256}, id, 0), HasSubstr(fmt::format("type {} is not", id)));
  }
}

TEST_F(GgufFile, RefusesOffsetsThatAreNotAligned) {
  EXPECT_THAT(TensorRefusal({1}, kF32Id, 4),
              HasSubstr("expected an offset that is a multiple of 32, found 4"));
}

TEST_F(GgufFile, RefusesOffsetsBeyondTheFile) {
  EXPECT_THAT(TensorRefusal({1}, kF32Id, 1 << 20),
              HasSubstr("offset 1048576 lies beyond the file"));
  EXPECT_THAT(TensorRefusal({1}, kF32Id, uint64_t{1} << 63), HasSubstr("lies beyond the file"));
  EXPECT_THAT(TensorRefusal({2048}, kF32Id, 0), HasSubstr("takes 8192 bytes at byte 0"));
}

TEST_F(GgufFile, RefusesOffsetAndSizeThatWrapTogether) {
  EXPECT_THAT(TensorRefusal({8}, kF32Id, kMinusOne - 31), HasSubstr("lies beyond the file"));
  const std::vector<uint64_t> huge = {uint64_t{1} << 60};
  const std::string second =
      Refusal(RawGguf().Tensor("a", {8}, kF32Id, 0).Tensor("b", huge, kF32Id, 32).Data(4096));
  EXPECT_THAT(second, HasSubstr("tensor b: F32 [1152921504606846976] takes 4611686018427387904"));
}

TEST_F(GgufFile, RefusesOverlappingTensorsAndGaps) {
  EXPECT_THAT(
      Refusal(RawGguf().Tensor("a", {16}, kF32Id, 0).Tensor("b", {8}, kF32Id, 32).Data(4096)),
      HasSubstr("tensor b: overlaps a: expected its data at byte 64, found 32"));
  EXPECT_THAT(Refusal(RawGguf().Tensor("a", {8}, kF32Id, 0).Tensor("b", {8}, kF32Id, 0).Data(4096)),
              HasSubstr("overlaps"));
  EXPECT_THAT(
      Refusal(RawGguf().Tensor("a", {8}, kF32Id, 0).Tensor("b", {8}, kF32Id, 96).Data(4096)),
      HasSubstr("tensor b: leaves a gap after a: expected its data at byte 32, found 96"));
}

TEST_F(GgufFile, RefusesFifoFolderAndDevice) {
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  EXPECT_THAT(ErrorOf([&] { Checkpoint::Open(path_); }), HasSubstr("found a FIFO"));
  std::filesystem::remove(path_);
  std::filesystem::create_symlink("/dev/zero", path_);
  EXPECT_THAT(ErrorOf([&] { Checkpoint::Open(path_); }), HasSubstr("found a device"));
  std::filesystem::remove(path_);
  std::filesystem::create_directory(path_);
  EXPECT_THAT(ErrorOf([&] { Checkpoint::Open(path_); }), HasSubstr("found neither"));
}

TEST_F(GgufFile, TruncatedAfterOpeningIsAStorageError) {
  std::filesystem::copy_file(TestData("gguf/tiny.gguf"), path_);
  const Checkpoint checkpoint = Checkpoint::Open(path_);
  std::filesystem::resize_file(path_, 8192);
  const TensorInfo* tensor = checkpoint.Find("blk.1.ffn_down_shexp.weight");
  ASSERT_NE(tensor, nullptr);
  std::byte byte{};
  EXPECT_THROW(checkpoint.ReadAt(*tensor, 0, std::span(&byte, 1)), StorageError);
}

}  // namespace
}  // namespace trinity

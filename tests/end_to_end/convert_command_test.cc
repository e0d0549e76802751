#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/json.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/gguf.h"
#include "checkpoint/gguf_writer.h"
#include "tests/end_to_end/run_trinity.h"
#include "tests/end_to_end/small_model.h"
#include "tests/support/golden.h"

namespace trinity {
namespace {

using testing::EndsWith;
using testing::HasSubstr;

void ExpectSameTensors(const std::string& a_path, const std::string& b_path) {
  const Checkpoint a = Checkpoint::Open(a_path), b = Checkpoint::Open(b_path);
  EXPECT_EQ(a.tensors().size(), b.tensors().size());
  for (const TensorInfo& tensor : a.tensors()) {
    const TensorInfo* other = b.Find(tensor.name);
    ASSERT_NE(other, nullptr) << tensor.name;
    EXPECT_EQ(other->dtype, tensor.dtype) << tensor.name;
    EXPECT_EQ(other->shape, tensor.shape) << tensor.name;
    EXPECT_EQ(BytesOfTensor(a, tensor), BytesOfTensor(b, *other)) << tensor.name;
  }
}

// Folder to GGUF and back.
void RoundTrip(const std::string& source, const TemporaryFolder& folder) {
  const ProcessResult to = RunTrinity({"convert", source, folder / "m.gguf"});
  ASSERT_EQ(to.exit_code, 0) << to.err;
  const ProcessResult back = RunTrinity({"convert", folder / "m.gguf", folder / "back"});
  ASSERT_EQ(back.exit_code, 0) << back.err;
}

std::string Ids(const std::string& model, const std::string& text) {
  return RunTrinity({"tokenize", "-m", model, "-p", text, "--json"}).out;
}

TEST(ConvertCommand, EveryGoldenHoldsAsGguf) {
  for (const std::string& name : GoldenCases()) {
    if (name == "softmax_router") continue;
    const TemporaryFolder folder;
    const ProcessResult convert =
        RunTrinity({"convert", GoldenFolder(name), folder / "m.gguf", "-t", "2"});
    EXPECT_EQ(convert.exit_code, 0) << name << convert.err;
    const ProcessResult result =
        RunTrinity({"verify", folder / "m.gguf", GoldenFolder(name) + "/golden.safetensors"});
    EXPECT_EQ(result.exit_code, 0) << name << "\n" << result.out << result.err;
    EXPECT_THAT(result.out, EndsWith("passed\n"));
  }
}

TEST(ConvertCommand, RefusesARouterThatGgufCannotSay) {
  const TemporaryFolder folder;
  const ProcessResult result =
      RunTrinity({"convert", GoldenFolder("softmax_router"), folder / "m.gguf"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("score_func: expected sigmoid"));
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(ConvertCommand, PicoThereAndBackIsTheSameModel) {
  const TemporaryFolder folder;
  RoundTrip(PicoFolder(), folder);
  ExpectSameTensors(PicoFolder(), folder / "back");
  const std::string text = "Grüße, 東京 1234567! <|im_start|> <think>\n\tx";
  EXPECT_EQ(Ids(folder / "m.gguf", text), Ids(PicoFolder(), text));
  EXPECT_EQ(Ids(folder / "back", text), Ids(PicoFolder(), text));
  EXPECT_EQ(ReadTextFile(folder / "back/chat_template.jinja"),
            ReadTextFile(PicoFolder() + "/chat_template.jinja"));
  const Json generation = LoadJson(folder / "back/generation_config.json");
  EXPECT_EQ(generation["temperature"], 0.3);
  EXPECT_EQ(generation["eos_token_id"], Json::array({3, 1}));
  const Json config = LoadJson(folder / "back/config.json");
  const Json original = LoadJson(PicoFolder() + "/config.json");
  for (const char* key : {"layer_types", "mup_enabled", "route_scale", "rms_norm_eps", "dtype",
                          "architectures", "num_dense_layers", "sliding_window", "vocab_size"}) {
    EXPECT_EQ(config[key], original[key]) << key;
  }
}

TEST(ConvertCommand, PicoAsGgufAnswersAsTheFolderDoes) {
  const TemporaryFolder folder;
  ASSERT_EQ(RunTrinity({"convert", PicoFolder(), folder / "m.gguf"}).exit_code, 0);
  const std::vector<std::string> rest = {"-p", "What is a violin?", "-n",
                                         "24", "--temperature",     "0"};
  const auto answer = [&](const std::string& model) {
    std::vector<std::string> arguments = {"run", model};
    arguments.insert(arguments.end(), rest.begin(), rest.end());
    return RunTrinity(arguments);
  };
  const ProcessResult gguf = answer(folder / "m.gguf"), original = answer(PicoFolder());
  EXPECT_EQ(gguf.exit_code, 0) << gguf.err;
  EXPECT_EQ(gguf.out, original.out);
  EXPECT_THAT(gguf.err, HasSubstr("assumed that RoPE acts on the layers that slide"));
  const ProcessResult inspect = RunTrinity({"inspect", folder / "m.gguf", "--json"});
  const Json json = ParseJson(inspect.out, "stdout");
  EXPECT_EQ(json["tokenizer"]["chat_template"], true);
  EXPECT_EQ(json["tokenizer"]["eos_token_ids"], Json::array({3, 1}));
  EXPECT_EQ(json["total"]["parameters"], json["config_parameters"]);
}

TEST(ConvertCommand, F32AndF16HoldWhatBf16Had) {
  const TemporaryFolder folder;
  ASSERT_EQ(RunTrinity({"convert", PicoFolder(), folder / "f32.gguf", "--type", "f32"}).exit_code,
            0);
  ASSERT_EQ(
      RunTrinity({"convert", folder / "f32.gguf", folder / "back", "--type", "bf16"}).exit_code, 0);
  ExpectSameTensors(PicoFolder(), folder / "back");
  EXPECT_EQ(RunTrinity({"verify", folder / "f32.gguf", TestData("goldens/pico/golden.safetensors")})
                .exit_code,
            0);
}

// The tensors of a GGUF file in two, the metadata in the first of them.
void SplitInTwo(const std::string& path, const std::string& prefix) {
  const Checkpoint whole = Checkpoint::Open(path);
  const size_t half = whole.tensors().size() / 2;
  for (uint32_t index = 0; index < 2; ++index) {
    GgufMetadata metadata;
    metadata.AddU32("split.no", index);
    metadata.AddU32("split.count", 2);
    metadata.AddU32("split.tensors.count", static_cast<uint32_t>(whole.tensors().size()));
    for (const GgufEntry& entry : ReadGgufHeader(whole.files()[0], 0).entries) {
      std::vector<std::byte> bytes(static_cast<size_t>(entry.num_bytes));
      whole.files()[0].ReadAt(entry.offset, bytes);
      if (index == 0) metadata.AddEntry(entry.key, bytes);
    }
    const auto part = index == 0 ? std::span(whole.tensors()).first(half)
                                 : std::span(whole.tensors()).subspan(half);
    std::vector<TensorSpec> specs;
    for (const TensorInfo& info : part) specs.push_back({info.name, info.dtype, info.shape});
    GgufWriter writer(fmt::format("{}-{:05}-of-00002.gguf", prefix, index + 1), metadata, specs);
    for (size_t i = 0; i < part.size(); ++i) writer.WriteAt(i, 0, BytesOfTensor(whole, part[i]));
    writer.Commit();
  }
}

TEST(ConvertCommand, ReadsSplitFilesAndMergesThem) {
  const TemporaryFolder folder;
  WriteSmallModel(folder / "model");
  ASSERT_EQ(RunTrinity({"convert", folder / "model", folder / "whole.gguf"}).exit_code, 0);
  SplitInTwo(folder / "whole.gguf", folder / "part");
  const std::string first = folder / "part-00001-of-00002.gguf";
  const ProcessResult merge = RunTrinity({"convert", first, folder / "one.gguf"});
  ASSERT_EQ(merge.exit_code, 0) << merge.err;
  ExpectSameTensors(folder / "whole.gguf", folder / "one.gguf");
  EXPECT_EQ(*Checkpoint::Open(folder / "whole.gguf").gguf_metadata(),
            *Checkpoint::Open(folder / "one.gguf").gguf_metadata());
  const auto logits = [&](const std::string& model) {
    EXPECT_EQ(RunTrinity({"logits", model, "--ids", "1,2,3", "--out", folder / "l"}).exit_code, 0);
    return ReadTensor<float>(Checkpoint::Open(folder / "l"), "logits");
  };
  EXPECT_EQ(logits(first), logits(folder / "model"));
  EXPECT_THAT(RunTrinity({"convert", folder / "part-00002-of-00002.gguf", folder / "x.gguf"}).err,
              HasSubstr("is file 2 of 2 of a split model: name the first one"));
}

TEST(ConvertCommand, ReplacesOnlyWithForce) {
  const TemporaryFolder folder;
  std::ofstream(folder / "m.gguf") << "precious";
  const ProcessResult refused = RunTrinity({"convert", GoldenFolder("base"), folder / "m.gguf"});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.err, HasSubstr("m.gguf: exists already (--force replaces it)"));
  EXPECT_EQ(ReadTextFile(folder / "m.gguf"), "precious");
  EXPECT_EQ(RunTrinity({"convert", GoldenFolder("base"), folder / "m.gguf", "--force"}).exit_code,
            0);

  ASSERT_EQ(RunTrinity({"convert", folder / "m.gguf", folder / "back"}).exit_code, 0);
  EXPECT_EQ(RunTrinity({"convert", folder / "m.gguf", folder / "back"}).exit_code, 1);
  EXPECT_EQ(RunTrinity({"convert", folder / "m.gguf", folder / "back", "--force"}).exit_code, 0);
  ExpectSameTensors(GoldenFolder("base"), folder / "back");
  std::ofstream(folder / "back/notes.txt") << "precious";
  const ProcessResult other =
      RunTrinity({"convert", folder / "m.gguf", folder / "back", "--force"});
  EXPECT_EQ(other.exit_code, 1);
  EXPECT_THAT(other.err, HasSubstr("holds notes.txt, which is no file of a model"));
  EXPECT_TRUE(std::filesystem::exists(folder / "back/model.safetensors"));
}

TEST(ConvertCommand, SaysWhatLlamaCppDoesOtherwise) {
  const TemporaryFolder folder;
  const ProcessResult result = RunTrinity({"convert", GoldenFolder("no_mup"), folder / "m.gguf"});
  EXPECT_THAT(result.err, HasSubstr("as if mup_enabled were true"));
  EXPECT_THAT(RunTrinity({"convert", PicoFolder(), folder / "p.gguf"}).err,
              HasSubstr("RoPE on all but every fourth layer"));
}

TEST(ConvertCommand, WrongUsageIsTwo) {
  EXPECT_EQ(RunTrinity({"convert", PicoFolder()}).exit_code, 2);
  const ProcessResult folders = RunTrinity({"convert", PicoFolder(), "/tmp/no-such-folder"});
  EXPECT_EQ(folders.exit_code, 2);
  EXPECT_THAT(folders.err, HasSubstr("expected a GGUF file as SRC"));
}

TEST(ConvertCommand, LeavesNothingWhereASourceIsRefused) {
  const TemporaryFolder folder;
  std::filesystem::copy(GoldenFolder("base"), folder / "model");
  std::filesystem::resize_file(folder / "model/model.safetensors", 100000);
  EXPECT_EQ(RunTrinity({"convert", folder / "model", folder / "m.gguf"}).exit_code, 1);
  EXPECT_FALSE(std::filesystem::exists(folder / "m.gguf"));
}

}  // namespace
}  // namespace trinity

#include "convert/synth_gguf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "checkpoint/checkpoint.h"
#include "convert/preset_config.h"
#include "convert/quantize_model.h"
#include "convert/synth_values.h"
#include "model/gguf_config.h"
#include "model/model.h"
#include "tests/support/paths.h"
#include "tests/support/tensor_bytes.h"

namespace trinity {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// Widths that blocks of 256 divide, and experts that they do not.
Json TinyConfig() {
  Json config = PresetConfig("nano");
  config["hidden_size"] = 256;
  config["num_hidden_layers"] = 8;
  config["num_attention_heads"] = 4;
  config["head_dim"] = 64;
  config["intermediate_size"] = 512;
  config["moe_intermediate_size"] = 96;
  config["num_experts"] = 8;
  config["num_experts_per_tok"] = 2;
  config["vocab_size"] = 1000;
  config["layer_types"] = KeepLayers(PresetConfig("nano"), 8)["layer_types"];
  return config;
}

SynthGgufOptions OptionsFor(const std::string& path, std::string_view type) {
  SynthGgufOptions options;
  options.path = path;
  options.type = FindWeightType(type).value();
  return options;
}

SynthSummary SynthFile(const SynthGgufOptions& options, const Json& config = TinyConfig(),
                       int num_threads = 2) {
  ThreadPool pool(num_threads);
  return SynthesizeGguf(config, options, pool, nullptr);
}

Checkpoint OpenGguf(const std::string& path) {
  Checkpoint checkpoint = Checkpoint::Open(path);
  TranslateGguf(checkpoint);
  return checkpoint;
}

TEST(SynthGguf, IsWhatQuantizingTheFolderGives) {
  const TemporaryFolder folder;
  ThreadPool pool(2);
  SynthOptions options;
  options.folder = folder / "m";
  Synthesize(TinyConfig(), options, pool, nullptr);
  const Checkpoint source = Checkpoint::Open(folder / "m");
  for (const char* type : {"q4_k_m", "q8_0", "mxfp4"}) {
    QuantizeOptions quantize;
    quantize.path = folder / (std::string(type) + "-quantized.gguf");
    quantize.recipe = FindQuantRecipe(type).value();
    QuantizeModel(source, CheckpointText{}, quantize, pool, nullptr);
    const std::string path = folder / (std::string(type) + ".gguf");
    const SynthSummary summary = SynthFile(OptionsFor(path, type));

    const Checkpoint expected = OpenGguf(quantize.path), found = OpenGguf(path);
    ASSERT_EQ(found.tensors().size(), expected.tensors().size());
    EXPECT_EQ(summary.num_tensors, static_cast<int64_t>(found.tensors().size()));
    EXPECT_EQ(summary.tensor_bytes, found.total_bytes());
    for (const TensorInfo& tensor : expected.tensors()) {
      const TensorInfo* other = found.Find(tensor.name);
      ASSERT_NE(other, nullptr) << tensor.name;
      EXPECT_EQ(other->dtype, tensor.dtype) << tensor.name;
      EXPECT_EQ(other->shape, tensor.shape) << tensor.name;
      EXPECT_TRUE(BytesOfTensor(found, *other) == BytesOfTensor(expected, tensor)) << tensor.name;
    }
  }
}

TEST(SynthGguf, GivesTheSameFileForAnyNumberOfThreads) {
  const TemporaryFolder folder;
  SynthFile(OptionsFor(folder / "1.gguf", "q4_k_m"), TinyConfig(), 1);
  SynthFile(OptionsFor(folder / "4.gguf", "q4_k_m"), TinyConfig(), 4);
  EXPECT_TRUE(ReadTextFile(folder / "1.gguf") == ReadTextFile(folder / "4.gguf"));
}

TEST(SynthGguf, KeepsTrueWidthsAndBothKindsOfLayers) {
  const TemporaryFolder folder;
  for (const int64_t num_layers : {2, 4}) {
    SynthGgufOptions options = OptionsFor(folder / "m.gguf", "bf16");
    options.overwriting = Overwriting::kAllowed;
    options.num_layers = num_layers;
    const SynthSummary summary = SynthFile(options);
    const Checkpoint checkpoint = OpenGguf(options.path);
    const Config config = Config::FromJson(checkpoint.config(), "m");
    EXPECT_EQ(config.num_hidden_layers, num_layers);
    EXPECT_EQ(config.hidden_size, 256);
    EXPECT_EQ(config.num_experts, 8);
    EXPECT_GT(config.num_dense_layers, 0);
    EXPECT_LT(config.num_dense_layers, num_layers);
    ThreadPool pool(1);
    EXPECT_NE(Model::Load(checkpoint, pool), nullptr);
    EXPECT_EQ(summary.num_files, 1);
  }
}

TEST(SynthGguf, ValuesFillAnyRange) {
  const Json json = TinyConfig();
  const std::vector<SynthTensor> tensors = ListSynthTensors(
      Config::FromJson(json, "c"), DType::kBF16, SynthInit::kBalanced, InitializerRangeOf(json));
  const SynthValues values(tensors, 7);
  std::vector<std::byte> all(20'000);
  values.Fill(tensors[0], 0, all);
  for (const auto& [offset, num_bytes] :
       std::vector<std::pair<size_t, size_t>>{{2, 2}, {14, 4}, {16, 32}, {1002, 9998}, {6, 14}}) {
    std::vector<std::byte> part(num_bytes);
    values.Fill(tensors[0], static_cast<int64_t>(offset), part);
    EXPECT_TRUE(std::equal(part.begin(), part.end(), all.begin() + static_cast<long>(offset)))
        << offset;
  }
}

TEST(SynthGguf, HoldsTheTokenizer) {
  const TemporaryFolder folder;
  Json config = TinyConfig();
  config["vocab_size"] = 4096;
  SynthGgufOptions options = OptionsFor(folder / "m.gguf", "q8_0");
  options.tokenizer_path = PicoFolder() + "/tokenizer.json";
  SynthFile(options, config);
  const Checkpoint checkpoint = Checkpoint::Open(options.path);
  const Tokenizer tokenizer = Tokenizer::FromGguf(*checkpoint.gguf_metadata(), "m.gguf");
  const std::vector<int32_t> ids = tokenizer.Encode("A violin.", SpecialTokens::kAdd);
  EXPECT_EQ(ids, Tokenizer::Load(*options.tokenizer_path).Encode("A violin.", SpecialTokens::kAdd));
  const GenerationConfig generation =
      GenerationConfig::FromGguf(*checkpoint.gguf_metadata(), "m.gguf");
  EXPECT_THAT(generation.eos_token_ids, testing::UnorderedElementsAre(1, 3));
}

TEST(SynthGguf, WhatFailsLeavesNoFileAndWhatWasThere) {
  const TemporaryFolder folder;
  const auto error_of = [&](const SynthGgufOptions& options, const Json& config) {
    try {
      SynthFile(options, config);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  const SynthGgufOptions options = OptionsFor(folder / "m.gguf", "q4_k_m");
  Json vast = TinyConfig();
  vast["hidden_size"] = 1 << 20;
  vast["vocab_size"] = 1 << 24;
  EXPECT_THAT(error_of(options, vast), HasSubstr(" GB of free space, found "));
  Json softmax = TinyConfig();
  softmax["score_func"] = "softmax";
  EXPECT_THAT(error_of(options, softmax), HasSubstr("score_func"));
  EXPECT_TRUE(fs::is_empty(folder.path()));

  SynthFile(options);
  const std::string before = ReadTextFile(options.path);
  EXPECT_THAT(error_of(options, TinyConfig()), HasSubstr("exists already"));
  EXPECT_TRUE(ReadTextFile(options.path) == before);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()), 1);
}

TEST(SynthGguf, TheMemoryOfLargeIsThatOfAStream) {
  const SynthGgufOptions options = OptionsFor("m.gguf", "q4_k_m");
  EXPECT_LT(SynthGgufMemory(PresetConfig("large"), options, 8), 512 << 20);
  EXPECT_GT(SynthGgufMemory(PresetConfig("large"), options, 8),
            SynthGgufMemory(PresetConfig("nano"), options, 8));
}

}  // namespace
}  // namespace trinity

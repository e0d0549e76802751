#include "convert/synth.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "checkpoint/checkpoint.h"
#include "convert/preset_config.h"
#include "model/config.h"
#include "quant/half.h"
#include "tests/support/paths.h"
#include "tests/support/tensor_bytes.h"

namespace trinity {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::Each;
using testing::HasSubstr;

Json TinyConfig() {
  Json config = PresetConfig("nano");
  config["hidden_size"] = 64;
  config["num_hidden_layers"] = 5;
  config["layer_types"] = {"sliding_attention", "sliding_attention", "sliding_attention",
                           "full_attention", "sliding_attention"};
  config["num_attention_heads"] = 4;
  config["head_dim"] = 32;
  config["intermediate_size"] = 192;
  config["moe_intermediate_size"] = 48;
  config["num_experts"] = 16;
  config["num_experts_per_tok"] = 4;
  config["vocab_size"] = 1000;
  return config;
}

SynthSummary SynthInto(const std::string& folder, SynthOptions options = {}, int num_threads = 2,
                       const Json& config = TinyConfig()) {
  options.folder = folder;
  ThreadPool pool(num_threads);
  return Synthesize(config, options, pool, nullptr);
}

std::string ErrorOf(const std::string& folder, const SynthOptions& options,
                    const Json& config = TinyConfig()) {
  try {
    SynthInto(folder, options, 1, config);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

std::vector<double> ValuesOf(const Checkpoint& checkpoint, const std::string& name) {
  const TensorInfo* tensor = checkpoint.Find(name);
  if (tensor == nullptr) return {};
  const std::vector<std::byte> bytes = BytesOfTensor(checkpoint, *tensor);
  std::vector<double> values(static_cast<size_t>(tensor->num_values()));
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = tensor->dtype == DType::kF32
                    ? reinterpret_cast<const float*>(bytes.data())[i]
                    : BFloat16ToFloat(reinterpret_cast<const uint16_t*>(bytes.data())[i]);
  }
  return values;
}

double StddevOf(const std::vector<double>& values) {
  double mean = 0, square = 0;
  for (const double v : values) mean += v / static_cast<double>(values.size());
  for (const double v : values)
    square += std::pow(v - mean, 2) / static_cast<double>(values.size());
  return std::sqrt(square);
}

std::map<std::string, std::string> FilesOf(const std::string& folder) {
  std::map<std::string, std::string> files;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    files[entry.path().filename().string()] = ReadTextFile(entry.path().string());
  }
  return files;
}

TEST(Synth, WritesAFolderThatOpens) {
  TemporaryFolder folder;
  const SynthSummary summary = SynthInto(folder / "m");
  const Checkpoint checkpoint = Checkpoint::Open(folder / "m");
  EXPECT_EQ(static_cast<int64_t>(checkpoint.tensors().size()), summary.num_tensors);
  EXPECT_EQ(checkpoint.total_bytes(), summary.tensor_bytes);
  EXPECT_EQ(checkpoint.files().size(), 1u);
  const Config config = Config::FromJson(checkpoint.config(), "m");
  EXPECT_EQ(config.num_hidden_layers, 5);
  EXPECT_EQ(checkpoint.config()["dtype"], "bfloat16");
  EXPECT_EQ(LoadJson(folder / "m/generation_config.json")["eos_token_id"], Json({1, 3}));
}

TEST(Synth, GivesTheSameBytesForAnyNumberOfThreads) {
  TemporaryFolder folder;
  SynthInto(folder / "1", {}, 1);
  SynthInto(folder / "4", {}, 4);
  EXPECT_TRUE(FilesOf(folder / "1") == FilesOf(folder / "4"));
}

TEST(Synth, GivesTheSameValuesForAnyShardSize) {
  TemporaryFolder folder;
  SynthOptions options;
  SynthInto(folder / "one", options);
  options.max_shard_bytes = 100'000;
  const SynthSummary summary = SynthInto(folder / "many", options);
  EXPECT_GT(summary.num_files, 5);
  const Checkpoint one = Checkpoint::Open(folder / "one"), many = Checkpoint::Open(folder / "many");
  EXPECT_EQ(static_cast<int64_t>(many.files().size()), summary.num_files);
  ASSERT_EQ(one.tensors().size(), many.tensors().size());
  for (const TensorInfo& tensor : one.tensors()) {
    const TensorInfo* other = many.Find(tensor.name);
    ASSERT_NE(other, nullptr) << tensor.name;
    EXPECT_EQ(other->shape, tensor.shape);
    EXPECT_TRUE(BytesOfTensor(one, tensor) == BytesOfTensor(many, *other)) << tensor.name;
  }
  const Json index = LoadJson(folder / "many/model.safetensors.index.json");
  EXPECT_EQ(index["metadata"]["total_size"], summary.tensor_bytes);
}

TEST(Synth, TensorsLargerThanAUnitOfWorkDoNotRepeat) {
  TemporaryFolder folder;
  Json config = TinyConfig();
  config["vocab_size"] = 20'000;
  SynthInto(folder / "m", {}, 3, config);
  const std::vector<double> head = ValuesOf(Checkpoint::Open(folder / "m"), "lm_head.weight");
  constexpr size_t kPeriod = (1 << 20) / sizeof(uint16_t);
  size_t num_equal = 0;
  for (size_t i = kPeriod; i < head.size(); ++i) {
    if (head[i] == head[i - kPeriod]) ++num_equal;
  }
  // Chance alone makes about one in 200 equal in BF16.
  EXPECT_LT(num_equal, (head.size() - kPeriod) / 50);
}

TEST(Synth, SeedAndNameDecideTheValues) {
  TemporaryFolder folder;
  SynthOptions options;
  SynthInto(folder / "0", options);
  options.seed = 1;
  SynthInto(folder / "1", options);
  const Checkpoint zero = Checkpoint::Open(folder / "0"), one = Checkpoint::Open(folder / "1");
  const std::string q = "model.layers.0.self_attn.q_proj.weight";
  EXPECT_NE(ValuesOf(zero, q), ValuesOf(one, q));
  EXPECT_NE(ValuesOf(zero, "model.layers.3.mlp.experts.0.up_proj.weight"),
            ValuesOf(zero, "model.layers.3.mlp.experts.1.up_proj.weight"));
}

TEST(Synth, BalancedValuesAreScaledToTheirInputs) {
  TemporaryFolder folder;
  SynthInto(folder / "m");
  const Checkpoint checkpoint = Checkpoint::Open(folder / "m");
  const auto stddev = [&](const std::string& name) { return StddevOf(ValuesOf(checkpoint, name)); };
  EXPECT_NEAR(stddev("model.embed_tokens.weight"), 1 / 8.0, 0.002);  // times sqrt(64) is 1
  EXPECT_NEAR(stddev("lm_head.weight"), 1 / 8.0, 0.002);
  EXPECT_NEAR(stddev("model.layers.0.mlp.down_proj.weight"), 1 / std::sqrt(192.0), 0.002);
  EXPECT_NEAR(stddev("model.layers.3.mlp.experts.9.down_proj.weight"), 1 / std::sqrt(48.0), 0.005);
  EXPECT_NEAR(stddev("model.layers.4.mlp.router.gate.weight"), 1 / 8.0, 0.01);
  EXPECT_NEAR(stddev("model.layers.4.mlp.expert_bias"), 0.01, 0.005);
  EXPECT_NEAR(stddev("model.layers.4.input_layernorm.weight"), 0.1, 0.03);
  EXPECT_THAT(ValuesOf(checkpoint, "model.norm.weight"),
              Each(AllOf(testing::Gt(0.5), testing::Lt(1.5))));
  EXPECT_THAT(ValuesOf(checkpoint, "model.layers.2.post_mlp_layernorm.weight"),
              Each(AllOf(testing::Gt(0.5 / std::sqrt(5)), testing::Lt(1.5 / std::sqrt(5)))));
  EXPECT_EQ(checkpoint.Find("model.layers.4.mlp.expert_bias")->dtype, DType::kF32);
}

TEST(Synth, ReferenceInitIsThatOfTheArchitecture) {
  TemporaryFolder folder;
  SynthOptions options;
  options.init = SynthInit::kReference;
  Json config = TinyConfig();
  config["initializer_range"] = 0.05;
  SynthInto(folder / "m", options, 2, config);
  const Checkpoint checkpoint = Checkpoint::Open(folder / "m");
  for (const TensorInfo& tensor : checkpoint.tensors()) {
    const std::vector<double> values = ValuesOf(checkpoint, tensor.name);
    if (tensor.name.ends_with("norm.weight")) {
      EXPECT_THAT(values, Each(1.0)) << tensor.name;
    } else if (tensor.name.ends_with("expert_bias") ||
               tensor.name.ends_with("router.gate.weight")) {
      EXPECT_THAT(values, Each(0.0)) << tensor.name;
    } else {
      // Five times the error of a deviation estimated from so many values.
      const double bound = 5 * 0.05 / std::sqrt(2.0 * static_cast<double>(values.size()));
      EXPECT_NEAR(StddevOf(values), 0.05, bound) << tensor.name;
      double mean = 0;
      for (const double v : values) mean += v / static_cast<double>(values.size());
      EXPECT_NEAR(mean, 0, 2 * bound) << tensor.name;
    }
  }
}

TEST(Synth, F32HoldsWhatBf16Rounds) {
  TemporaryFolder folder;
  SynthOptions options;
  SynthInto(folder / "bf16", options);
  options.dtype = DType::kF32;
  SynthInto(folder / "f32", options);
  const Checkpoint bf16 = Checkpoint::Open(folder / "bf16"), f32 = Checkpoint::Open(folder / "f32");
  EXPECT_EQ(f32.config()["dtype"], "float32");
  std::vector<double> rounded = ValuesOf(f32, "lm_head.weight");
  for (double& v : rounded) v = BFloat16ToFloat(FloatToBFloat16(static_cast<float>(v)));
  EXPECT_EQ(rounded, ValuesOf(bf16, "lm_head.weight"));
  options.dtype = DType::kF16;
  EXPECT_THAT(ErrorOf(folder / "f16", options), HasSubstr("dtype: expected BF16 or F32"));
}

TEST(Synth, TiedHeadIsNotWritten) {
  TemporaryFolder folder;
  Json config = TinyConfig();
  config["tie_word_embeddings"] = true;
  SynthInto(folder / "m", {}, 1, config);
  EXPECT_EQ(Checkpoint::Open(folder / "m").Find("lm_head.weight"), nullptr);
}

TEST(KeepLayers, KeepsTheFirstOfThePlanAndAMoeLayer) {
  const Json nano = PresetConfig("nano");
  const auto plan = [&](int64_t num_layers) {
    const Config config = Config::FromJson(KeepLayers(nano, num_layers), "c");
    EXPECT_EQ(config.num_hidden_layers, num_layers);
    return config;
  };
  EXPECT_EQ(plan(1).num_dense_layers, 0);
  EXPECT_EQ(plan(2).num_dense_layers, 1);
  EXPECT_EQ(plan(3).num_dense_layers, 2);
  EXPECT_EQ(plan(8).num_dense_layers, 2);
  EXPECT_EQ(plan(8).num_layers_of(AttentionKind::kFull), 2);
  EXPECT_EQ(KeepLayers(nano, 56), nano);
  EXPECT_THROW(KeepLayers(nano, 0), Error);
  EXPECT_THROW(KeepLayers(nano, 57), Error);
}

TEST(Synth, CopiesTheTokenizer) {
  TemporaryFolder folder;
  SynthOptions options;
  options.tokenizer_path = PicoFolder() + "/tokenizer.json";
  SynthInto(folder / "m", options);
  EXPECT_EQ(ReadTextFile(folder / "m/tokenizer.json"), ReadTextFile(*options.tokenizer_path));
  EXPECT_EQ(LoadJson(folder / "m/tokenizer_config.json")["eos_token"], "<|im_end|>");
  options.tokenizer_path = folder / "none";
  EXPECT_THAT(ErrorOf(folder / "n", options), HasSubstr("No such file"));
  EXPECT_FALSE(fs::exists(folder / "n"));
}

TEST(Synth, ReportsProgressUpToTheEnd) {
  TemporaryFolder folder;
  SynthOptions options;
  options.folder = folder / "m";
  ThreadPool pool(2);
  int64_t last = 0, total = 0;
  const SynthSummary summary = Synthesize(TinyConfig(), options, pool, [&](int64_t d, int64_t t) {
    EXPECT_GE(d, last);
    last = d;
    total = t;
  });
  EXPECT_EQ(last, summary.tensor_bytes);
  EXPECT_EQ(total, summary.tensor_bytes);
}

TEST(Synth, RefusesAFolderWithFiles) {
  TemporaryFolder folder;
  SynthInto(folder / "m");
  const auto before = FilesOf(folder / "m");
  EXPECT_THAT(ErrorOf(folder / "m", {}), HasSubstr("expected a new or empty folder"));
  EXPECT_TRUE(FilesOf(folder / "m") == before);
}

TEST(Synth, RefusesWithNumbersWhereSpaceIsShort) {
  TemporaryFolder folder;
  Json config = TinyConfig();
  config["hidden_size"] = 1 << 20;
  config["vocab_size"] = 1 << 24;
  EXPECT_THAT(ErrorOf(folder / "m", {}, config),
              AllOf(HasSubstr("expected 7"), HasSubstr(" GB of free space, found ")));
  EXPECT_FALSE(fs::exists(folder / "m"));
}

TEST(Synth, FullDiskLeavesNothing) {
  TemporaryFolder folder;
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit limit = {100'000, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &limit);
  std::string message;
  try {
    SynthInto(folder / "m");
  } catch (const StorageError& error) {
    message = error.what();
  }
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_THAT(message, HasSubstr("model.safetensors: cannot be written: File too large"));
  EXPECT_FALSE(fs::exists(folder / "m"));
}

}  // namespace
}  // namespace trinity

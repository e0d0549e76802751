#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "tests/end_to_end/run_trinity.h"
#include "tests/support/paths.h"

namespace trinity {
namespace {

using testing::AllOf;
using testing::HasSubstr;

Json PlanJson(const std::vector<std::string>& arguments, int exit_code) {
  std::vector<std::string> all = {"plan", "--json", "--read-rate", "40GB"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  const ProcessResult run = RunTrinity(all);
  EXPECT_EQ(run.exit_code, exit_code) << run.err;
  return ParseJson(run.out, "stdout");
}

TEST(PlanCommand, TellsPartsTotalAndWhetherItFits) {
  const ProcessResult run = RunTrinity({"plan", "nano", "--type", "q4_k_m", "--context", "131072",
                                        "--kv-type", "f16", "--memory", "24GiB"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  for (const char* part :
       {"nano, q4_k_m: 1 sequence of 131,072 tokens, F16 cache, 1 rank", "routed experts",
        "kv of full layers            1.88 GB", "available                   25.77 GB",
        "largest context              131,072", "decode at most", "prefill at most", "It fits."}) {
    EXPECT_THAT(run.out, HasSubstr(part));
  }
}

TEST(PlanCommand, WhatDoesNotFitExitsWithOneAndSaysWhatWould) {
  const ProcessResult run = RunTrinity({"plan", "large", "--type", "bf16", "--ranks", "32",
                                        "--memory", "24GB", "--read-rate", "40GB"});
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_THAT(run.out, AllOf(HasSubstr("It does not fit: "), HasSubstr("--type q8_0"),
                             HasSubstr("--ranks ")));
  EXPECT_EQ(PlanJson({"large", "--ranks", "64", "--memory", "24GB"}, 0)["fits"], true);
}

TEST(PlanCommand, JsonAddsUp) {
  const Json json = PlanJson({"mini", "--type", "q8_0", "--memory", "1GB", "-b", "4"}, 1);
  int64_t total = 0;
  for (const Json& bytes : json["bytes"]) total += bytes.get<int64_t>();
  EXPECT_EQ(total, json["total_bytes"]);
  EXPECT_EQ(json["fits"], false);
  EXPECT_EQ(json["sequences"], 4);
  EXPECT_EQ(json["available_bytes"], 1'000'000'000);
  EXPECT_NEAR(json["tokens_per_s_at_most"].get<double>(),
              4 * 40e9 / json["decode_step_bytes"].get<double>(), 0.01);
}

TEST(PlanCommand, ThePlanOfTheBundledModelIsWhatRunningItTakes) {
  const Json plan = PlanJson({"--context", "600"}, 0);
  std::string prompt;
  for (int i = 0; i < 500; ++i) prompt += " a";
  const ProcessResult run = RunTrinity({"run", "--raw", "-p", prompt, "-n", "4", "--json"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  const auto peak = ParseJson(run.out, "stdout")["peak_memory_bytes"].get<double>();
  EXPECT_NEAR(plan["total_bytes"].get<double>(), peak, 64e6);
#endif
}

TEST(PlanCommand, RefusesWhatItCannotPlan) {
  const auto refusal = [](const std::vector<std::string>& arguments) {
    const ProcessResult run = RunTrinity(arguments);
    EXPECT_EQ(run.exit_code, 2);
    return run.err;
  };
  EXPECT_THAT(refusal({"plan", "nano", "--memory", "24G"}),
              HasSubstr("--memory: expected bytes such as 24GiB, 24GB or 24000000000, found "
                        "\"24G\""));
  EXPECT_THAT(refusal({"plan", "nano", "--memory", "-1GB"}), HasSubstr("found \"-1GB\""));
  EXPECT_THAT(refusal({"plan", "nano", "--context", "200000"}),
              HasSubstr("--context: expected at most 131072"));
  EXPECT_THAT(refusal({"plan", "nano", "--type", "q9"}), HasSubstr("--type"));
}

// A checkpoint of 525 GB that takes no space: its file is a hole behind the header.
void WriteHugeModel(const TemporaryFolder& folder) {
  constexpr int64_t kVocabulary = 16'000'000, kHidden = 8192;
  const Json config = {{"model_type", "afmoe"},
                       {"hidden_size", kHidden},
                       {"num_hidden_layers", 1},
                       {"num_dense_layers", 1},
                       {"num_attention_heads", 8},
                       {"num_key_value_heads", 2},
                       {"head_dim", 128},
                       {"intermediate_size", 1024},
                       {"moe_intermediate_size", 32},
                       {"num_experts", 4},
                       {"num_experts_per_tok", 2},
                       {"num_shared_experts", 1},
                       {"vocab_size", kVocabulary},
                       {"max_position_embeddings", 4096},
                       {"rope_theta", 10000.0},
                       {"rms_norm_eps", 1e-5},
                       {"sliding_window", 128},
                       {"layer_types", {"full_attention"}},
                       {"score_func", "sigmoid"},
                       {"route_norm", true},
                       {"route_scale", 1.0},
                       {"mup_enabled", true},
                       {"tie_word_embeddings", false}};
  std::ofstream(folder / "config.json") << config.dump();
  Json header;
  int64_t offset = 0;
  const auto add = [&](const std::string& name, std::vector<int64_t> shape) {
    int64_t bytes = 2;
    for (const int64_t size : shape) bytes *= size;
    header[name] = {
        {"dtype", "BF16"}, {"shape", shape}, {"data_offsets", {offset, offset + bytes}}};
    offset += bytes;
  };
  add("model.embed_tokens.weight", {kVocabulary, kHidden});
  add("model.norm.weight", {kHidden});
  add("lm_head.weight", {kVocabulary, kHidden});
  const std::string layer = "model.layers.0.";
  for (const char* norm : {"input", "post_attention", "pre_mlp", "post_mlp"}) {
    add(layer + norm + "_layernorm.weight", {kHidden});
  }
  for (const char* part : {"q", "gate"}) {
    add(layer + "self_attn." + part + "_proj.weight", {1024, kHidden});
  }
  add(layer + "self_attn.o_proj.weight", {kHidden, 1024});
  for (const char* part : {"k", "v"}) {
    add(layer + "self_attn." + part + "_proj.weight", {256, kHidden});
  }
  for (const char* part : {"q", "k"}) add(layer + "self_attn." + part + "_norm.weight", {128});
  for (const char* part : {"gate", "up"}) {
    add(layer + "mlp." + part + "_proj.weight", {1024, kHidden});
  }
  add(layer + "mlp.down_proj.weight", {kHidden, 1024});
  const std::string text = header.dump();
  const auto length = static_cast<uint64_t>(text.size());
  const std::string path = folder / "model.safetensors";
  std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(&length), 8) << text;
  std::filesystem::resize_file(path, 8 + length + static_cast<uint64_t>(offset));
}

TEST(PlanCommand, AModelLargerThanMemoryIsRefusedBeforeItIsRead) {
  const TemporaryFolder folder;
  WriteHugeModel(folder);
  const ProcessResult run =
      RunTrinity({"logits", folder.path(), "--ids", "1", "--out", folder / "out.safetensors"});
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_THAT(run.err,
              AllOf(HasSubstr(": takes "), HasSubstr(" of memory ("),
                    HasSubstr("`trinity plan` shows more"), HasSubstr("--no-memory-check")));
}

}  // namespace
}  // namespace trinity

#include "model/gguf_names.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "checkpoint/checkpoint.h"
#include "tests/support/paths.h"

namespace trinity {
namespace {

TEST(GgufNames, TranslatesTheNamesOfTheMap) {
  EXPECT_EQ(HuggingFaceName("token_embd.weight"), "model.embed_tokens.weight");
  EXPECT_EQ(HuggingFaceName("output_norm.weight"), "model.norm.weight");
  EXPECT_EQ(HuggingFaceName("output.weight"), "lm_head.weight");
  EXPECT_EQ(HuggingFaceName("blk.0.attn_norm.weight"), "model.layers.0.input_layernorm.weight");
  EXPECT_EQ(HuggingFaceName("blk.59.post_attention_norm.weight"),
            "model.layers.59.post_attention_layernorm.weight");
  EXPECT_EQ(HuggingFaceName("blk.1.ffn_norm.weight"), "model.layers.1.pre_mlp_layernorm.weight");
  EXPECT_EQ(HuggingFaceName("blk.1.post_ffw_norm.weight"),
            "model.layers.1.post_mlp_layernorm.weight");
  EXPECT_EQ(HuggingFaceName("blk.1.attn_gate.weight"), "model.layers.1.self_attn.gate_proj.weight");
  EXPECT_EQ(HuggingFaceName("blk.1.attn_output.weight"), "model.layers.1.self_attn.o_proj.weight");
  EXPECT_EQ(HuggingFaceName("blk.2.ffn_gate_inp.weight"), "model.layers.2.mlp.router.gate.weight");
  EXPECT_EQ(HuggingFaceName("blk.2.exp_probs_b.bias"), "model.layers.2.mlp.expert_bias");
  EXPECT_EQ(HuggingFaceName("blk.2.ffn_down_exps.weight"),
            "model.layers.2.mlp.experts.down_proj.weight");
  EXPECT_EQ(HuggingFaceName("blk.2.ffn_up_shexp.weight"),
            "model.layers.2.mlp.shared_experts.up_proj.weight");
}

TEST(GgufNames, KnowsNoOtherNames) {
  for (const char* name :
       {"", "blk", "blk.", "blk.0", "blk.0.", "blk.0.attn_q", "blk.0.attn_q.bias",
        "blk..attn_q.weight", "blk.-1.attn_q.weight", "blk.+1.attn_q.weight",
        "blk.01.attn_q.weight", "blk.1x.attn_q.weight", "blk.99999999999999999999.attn_q.weight",
        "blk.0.attn_qkv.weight", "blk.0.exp_probs_b.weight", "rope_freqs.weight",
        "xblk.0.attn_q.weight", "token_embd.weight ", "model.norm.weight"}) {
    EXPECT_FALSE(HuggingFaceName(name).has_value()) << name;
  }
}

TEST(GgufNames, EveryTensorOfAModelGoesThereAndBack) {
  const Checkpoint checkpoint = Checkpoint::Open(TestData("gguf/tiny.gguf"));
  std::set<std::string> names;
  for (const TensorInfo& tensor : checkpoint.tensors()) {
    const std::optional<std::string> name = HuggingFaceName(tensor.name);
    ASSERT_TRUE(name.has_value()) << tensor.name;
    EXPECT_TRUE(names.insert(*name).second) << *name;
    EXPECT_EQ(GgufName(*name), tensor.name);
  }
}

TEST(GgufNames, ModelsOfHuggingFaceHaveGgufNamesButForSingleExperts) {
  const Checkpoint checkpoint = Checkpoint::Open(PicoFolder());
  for (const TensorInfo& tensor : checkpoint.tensors()) {
    const bool is_single_expert = tensor.name.find(".experts.") != std::string::npos;
    EXPECT_EQ(GgufName(tensor.name).has_value(), !is_single_expert) << tensor.name;
  }
}

}  // namespace
}  // namespace trinity

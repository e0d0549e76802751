#include "model/gguf_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

namespace trinity {
namespace {

struct NamePair {
  std::string_view gguf;
  std::string_view hugging_face;
};

constexpr NamePair kModelNames[] = {{"token_embd.weight", "model.embed_tokens.weight"},
                                    {"output_norm.weight", "model.norm.weight"},
                                    {"output.weight", "lm_head.weight"}};

constexpr std::string_view kGgufLayer = "blk.";
constexpr std::string_view kHuggingFaceLayer = "model.layers.";

// Behind "blk.N." and "model.layers.N.".
constexpr NamePair kLayerNames[] = {
    {"attn_norm.weight", "input_layernorm.weight"},
    {"post_attention_norm.weight", "post_attention_layernorm.weight"},
    {"ffn_norm.weight", "pre_mlp_layernorm.weight"},
    {"post_ffw_norm.weight", "post_mlp_layernorm.weight"},
    {"attn_q.weight", "self_attn.q_proj.weight"},
    {"attn_k.weight", "self_attn.k_proj.weight"},
    {"attn_v.weight", "self_attn.v_proj.weight"},
    {"attn_output.weight", "self_attn.o_proj.weight"},
    {"attn_gate.weight", "self_attn.gate_proj.weight"},
    {"attn_q_norm.weight", "self_attn.q_norm.weight"},
    {"attn_k_norm.weight", "self_attn.k_norm.weight"},
    {"ffn_gate.weight", "mlp.gate_proj.weight"},
    {"ffn_up.weight", "mlp.up_proj.weight"},
    {"ffn_down.weight", "mlp.down_proj.weight"},
    {"ffn_gate_inp.weight", "mlp.router.gate.weight"},
    {"exp_probs_b.bias", "mlp.expert_bias"},
    {"ffn_gate_exps.weight", "mlp.experts.gate_proj.weight"},
    {"ffn_up_exps.weight", "mlp.experts.up_proj.weight"},
    {"ffn_down_exps.weight", "mlp.experts.down_proj.weight"},
    {"ffn_gate_shexp.weight", "mlp.shared_experts.gate_proj.weight"},
    {"ffn_up_shexp.weight", "mlp.shared_experts.up_proj.weight"},
    {"ffn_down_shexp.weight", "mlp.shared_experts.down_proj.weight"}};

using Side = std::string_view NamePair::*;

std::optional<std::string_view> Find(std::span<const NamePair> table, Side from, Side to,
                                     std::string_view name) {
  const auto found = std::find_if(table.begin(), table.end(),
                                  [&](const NamePair& pair) { return pair.*from == name; });
  if (found == table.end()) return std::nullopt;
  return (*found).*to;
}

// Whether `digits` is a number as it is written in names: no sign, no leading zero.
bool IsIndex(std::string_view digits) {
  constexpr size_t kMaxDigits = 6;
  const bool all_digits =
      std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
  return !digits.empty() && digits.size() <= kMaxDigits && all_digits &&
         (digits == "0" || digits[0] != '0');
}

struct LayerPrefixes {
  std::string_view from;
  std::string_view to;
};

std::optional<std::string> Translate(std::string_view name, Side from, Side to,
                                     const LayerPrefixes& prefixes) {
  if (const auto whole = Find(kModelNames, from, to, name)) return std::string(*whole);
  if (!name.starts_with(prefixes.from)) return std::nullopt;
  const std::string_view rest = name.substr(prefixes.from.size());
  const size_t dot = rest.find('.');
  if (dot == rest.npos || !IsIndex(rest.substr(0, dot))) return std::nullopt;
  const auto part = Find(kLayerNames, from, to, rest.substr(dot + 1));
  if (!part) return std::nullopt;
  return fmt::format("{}{}.{}", prefixes.to, rest.substr(0, dot), *part);
}

}  // namespace

std::optional<std::string> HuggingFaceName(std::string_view gguf_name) {
  return Translate(gguf_name, &NamePair::gguf, &NamePair::hugging_face,
                   {kGgufLayer, kHuggingFaceLayer});
}

std::optional<std::string> GgufName(std::string_view hugging_face_name) {
  return Translate(hugging_face_name, &NamePair::hugging_face, &NamePair::gguf,
                   {kHuggingFaceLayer, kGgufLayer});
}

}  // namespace trinity

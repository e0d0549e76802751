#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>

// The names of the tensors of a checkpoint, as Hugging Face writes them.
namespace trinity::tensor_names {

inline constexpr std::string_view kEmbedTokens = "model.embed_tokens.weight";
inline constexpr std::string_view kNorm = "model.norm.weight";
inline constexpr std::string_view kLmHead = "lm_head.weight";

// "model.layers.<layer>.<part>": part as in "self_attn.q_proj.weight".
inline std::string OfLayer(int64_t layer, std::string_view part) {
  return fmt::format("model.layers.{}.{}", layer, part);
}

// "model.layers.<layer>.mlp.experts.<expert>.<part>": the per-expert form.
inline std::string OfExpert(int64_t layer, int64_t expert, std::string_view part) {
  return fmt::format("model.layers.{}.mlp.experts.{}.{}", layer, expert, part);
}

// The fused form: all experts of a layer in one tensor, stacked by index.
inline constexpr std::string_view kFusedGateUp = "mlp.experts.gate_up_proj";  // [E, 2 M, H]
inline constexpr std::string_view kFusedDown = "mlp.experts.down_proj";       // [E, H, M]

// The stacked form of GGUF: all experts of a layer in one tensor a projection.
inline constexpr std::string_view kStackedGate = "mlp.experts.gate_proj.weight";  // [E, M, H]
inline constexpr std::string_view kStackedUp = "mlp.experts.up_proj.weight";      // [E, M, H]
inline constexpr std::string_view kStackedDown = "mlp.experts.down_proj.weight";  // [E, H, M]

}  // namespace trinity::tensor_names

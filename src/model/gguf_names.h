#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace trinity {

// The one table between GGUF's names of tensors ("blk.3.attn_q.weight") and those of Hugging Face
// ("model.layers.3.self_attn.q_proj.weight"). Experts are stacked in GGUF; their names here,
// "model.layers.3.mlp.experts.gate_proj.weight", are those of the per-expert form without the
// index: gate_proj and up_proj [num_experts, moe_intermediate_size, hidden_size], down_proj
// [num_experts, hidden_size, moe_intermediate_size].

// Absent for names that the architecture does not have.
std::optional<std::string> HuggingFaceName(std::string_view gguf_name);
std::optional<std::string> GgufName(std::string_view hugging_face_name);

}  // namespace trinity

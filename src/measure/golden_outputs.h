#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "model/config.h"

namespace trinity {

// One tensor of a golden that is read row by row.
class GoldenTensor {
 public:
  GoldenTensor(const Checkpoint& file, const TensorInfo& info) : file_(&file), info_(&info) {}

  // Reads values [first, first + out.size()) of the tensor, counted over all its dimensions.
  void ReadAt(int64_t first, std::span<float> out) const;
  void ReadAt(int64_t first, std::span<int32_t> out) const;

 private:
  const Checkpoint* file_;
  const TensorInfo* info_;
};

// What an independent implementation computed for a model: a safetensors file with these tensors,
// B sequences of T tokens. logits and hidden may hold the last positions only; all but input_ids
// and logits may be absent.
struct GoldenOutputs {
  std::string path;
  int64_t num_sequences = 0;                      // B
  int64_t num_tokens = 0;                         // T
  std::vector<std::vector<int32_t>> ids;          // input_ids [B, T] I64
  std::optional<GoldenTensor> logits;             // [B, num_logits, vocab_size] F32
  int64_t num_logits = 0;                         // positions
  std::optional<GoldenTensor> hidden;             // [num_hidden_layers + 1, B, num_hidden, H] F32
  int64_t num_hidden = 0;                         // positions
  std::optional<GoldenTensor> router_experts;     // [MoE layers, B, T, num_experts_per_tok] I32
  std::optional<GoldenTensor> router_gap;         // [MoE layers, B, T] F32
  int64_t greedy_prompt_length = 0;               // ids of the prompt that greedy continues
  std::vector<std::vector<int32_t>> greedy;       // [B, steps] I64; empty where absent
  std::vector<std::vector<float>> greedy_margin;  // [B, steps] F32; empty where absent

  // Checks every dtype, shape and id against `config`. `file` must outlive the golden. Throws Error
  // with file, tensor, expected and found.
  static GoldenOutputs Read(const Checkpoint& file, const Config& config);
};

}  // namespace trinity

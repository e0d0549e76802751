#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/memory_block.h"
#include "base/thread_pool.h"
#include "checkpoint/checkpoint.h"
#include "kernels/attend.h"
#include "kernels/packed_matrix.h"
#include "model/config.h"
#include "model/expert_store.h"
#include "model/norm.h"
#include "model/rank_slice.h"
#include "parallel/communicator.h"

namespace trinity {

// Shapes are [out, in]: y = x W^T.

struct AttentionWeights {
  PackedMatrix q_proj;                    // [query_size, hidden_size]
  PackedMatrix k_proj;                    // [key_value_size, hidden_size]
  PackedMatrix v_proj;                    // [key_value_size, hidden_size]
  std::optional<PackedMatrix> gate_proj;  // [query_size, hidden_size]
  PackedMatrix o_proj;                    // [hidden_size, query_size]
  Norm q_norm;                            // [head_dim], shared by all heads
  Norm k_norm;                            // [head_dim]
  AttentionPrecision precision = AttentionPrecision::kFloat32;
};

// One SwiGLU: down(silu(gate(x)) * up(x)). A dense layer, an expert, or the shared experts as one.
struct MlpWeights {
  PackedMatrix gate_proj;  // [intermediate, hidden_size]
  PackedMatrix up_proj;    // [intermediate, hidden_size]
  PackedMatrix down_proj;  // [hidden_size, intermediate]
};

struct RouterWeights {
  PackedMatrix gate;                 // [num_experts, hidden_size]
  std::vector<float> expert_bias;    // [num_experts]
  bool bias_enters_weights = false;  // true only where a test takes "for selection only" out
};

struct MoeWeights {
  RouterWeights router;
  std::vector<MlpWeights> experts;  // [num_experts]
  std::optional<MlpWeights> shared_experts;
  // Where experts stay in files, they have data only while this holds them in memory.
  ExpertStore* expert_store = nullptr;
  int64_t layer_of_store = 0;
};

struct LayerWeights {
  Norm input_layernorm;
  Norm post_attention_layernorm;
  Norm pre_mlp_layernorm;
  Norm post_mlp_layernorm;
  AttentionWeights attention;
  std::optional<MlpWeights> dense;  // one of the two
  std::optional<MoeWeights> moe;
};

// How far loading has come, for people to watch.
struct LoadProgress {
  int64_t bytes_done = 0;
  int64_t bytes_total = 0;
};
using LoadProgressCallback = std::function<void(const LoadProgress&)>;

// What `mode` means for the model of a checkpoint: kAuto is kF32 where the files hold less than
// 1 GiB, since a small model is fast in any mode.
ComputeMode ResolveMode(ComputeMode mode, const Checkpoint& checkpoint);

struct LoadOptions {
  ComputeMode compute = ComputeMode::kF32;
  RankGrid grid;                              // the ranks among which the model is cut, and
  int rank = 0;                               // which of them this is
  Patience rank_patience = kDefaultPatience;  // how long ranks wait for each other in a step
  // Bytes for the experts that are in memory at a time, while all others stay in the files, which
  // the checkpoint must then keep open as long as the model lives. Absent: all are in memory.
  std::optional<int64_t> expert_cache_bytes;
  LoadProgressCallback on_progress;
};

// All weights of a model that a rank holds, in memory that they own, but for experts that
// LoadOptions::expert_cache_bytes leaves in files. Matrices keep the checkpoint's
// dtype, tensor by tensor, but that an F32 router of nothing but BF16 numbers is held as BF16;
// norms and expert_bias are float32. Shapes are those of a whole model; a rank holds what its slice
// says of the rows or columns that are cut, and matrices of no rows or columns for experts that it
// does not hold.
struct Weights {
  PackedMatrix embed_tokens;  // [vocab_size, hidden_size]
  PackedMatrix lm_head;       // [vocab_size, hidden_size]; the same memory where tied
  Norm norm;
  std::vector<LayerWeights> layers;
  RankSlice slice;
  MemoryBlock matrix_memory;
  std::unique_ptr<ExpertStore> expert_store;  // where experts stay in files

  // Bytes of memory that all of them take: matrices, vectors, and the cache of experts that stay in
  // files.
  int64_t num_bytes() const;

  // Reads of every tensor that `config` implies what the rank holds of it, with its expected shape,
  // and refuses by name what is missing, of another shape or dtype, or not part of the model. Reads
  // in parallel in units of one expert or some rows, packed as they arrive: beside the weights
  // stands one unit a thread. `on_progress` is called from one thread at a time. `compute` says
  // what each matrix is multiplied in (ResolveMode, FormFor).
  static Weights Load(const Checkpoint& checkpoint, const Config& config, ThreadPool& pool,
                      const LoadOptions& options = {});
};

}  // namespace trinity

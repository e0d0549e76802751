#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/dtype.h"
#include "base/thread_pool.h"
#include "checkpoint/checkpoint.h"
#include "cli/command_line.h"
#include "cli/process_ranks.h"
#include "model/model.h"
#include "model/model_group.h"
#include "plan/run_plan.h"

namespace trinity {

// The flags of every command that computes with a model.
struct ModelOptions {
  std::optional<std::string> positional;
  std::optional<std::string> model;
  std::optional<int64_t> threads;
  std::string kv_type = "f32";
  std::string compute = "f32";
  std::string weights = "auto";
  std::optional<std::string> expert_cache;
  bool skips_memory_check = false;
  std::optional<int64_t> ranks;
  bool ranks_are_reproducible = false;
  std::optional<int64_t> expert_groups;
  std::optional<int64_t> rank_timeout_s;

  // `positional` is declared by the command itself, in its place.
  void AddTo(CommandLine& line);
  void AddKvTypeTo(CommandLine& line);
  // Where the weights are while the model runs.
  void AddWeightsTo(CommandLine& line);
  // How weights are computed with, and whether what they take is looked at first.
  void AddLoadingTo(CommandLine& line, const std::string& default_mode);

  std::string path() const;  // throws Error
  int num_threads() const;
  RankGrid grid() const;              // throws UsageError
  int ranks_of_this_process() const;  // of the grid
  // Those of other processes of the group too, which share the memory with it.
  int ranks_of_this_host() const;
  DType kv_dtype() const;
  ComputeMode compute_mode() const;
  // --expert-cache; absent: auto. Throws UsageError.
  std::optional<int64_t> expert_cache_bytes() const;
};

inline constexpr const char* kModelHelp =
    "Model folder (config.json, tokenizer.json, *.safetensors), safetensors file or GGUF file (of "
    "a "
    "split model the first); default: $TRINITY_MODEL, else the bundled trinity-pico";

// Ranks that share experts out among so many groups, by default one. Throws UsageError.
RankGrid MakeGrid(int num_ranks, std::optional<int64_t> expert_groups);

// The parts that --reproducible-ranks has each of so many ranks compute. Throws UsageError.
int ReproducibleParts(int num_ranks);

// Opens the checkpoint of a model, with names and config of Hugging Face whatever the format. What
// a GGUF file leaves open and what is taken instead is said on stderr. Throws Error.
Checkpoint OpenModelCheckpoint(const std::string& path);

// A model with what it stands on.
struct LoadedModel {
  std::unique_ptr<ModelGroup> group;
  Model* model = nullptr;                     // of rank 0; the checkpoint must outlive it
  std::optional<int64_t> expert_cache_bytes;  // where experts stay in files, of each rank
  double load_s = 0;
};

// Loads the weights, all of them or (--weights) all but the experts, with a progress line where
// stderr is a terminal. Throws Error, also where the model, run as asked, does not fit into the
// memory that is available.
LoadedModel LoadModel(const Checkpoint& checkpoint, const ModelOptions& options,
                      const RunShape& asked);

}  // namespace trinity

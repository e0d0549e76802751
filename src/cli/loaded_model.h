#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/dtype.h"
#include "base/thread_pool.h"
#include "checkpoint/checkpoint.h"
#include "cli/command_line.h"
#include "model/model.h"

namespace trinity {

// The flags of every command that computes with a model.
struct ModelOptions {
  std::optional<std::string> positional;
  std::optional<std::string> model;
  std::optional<int64_t> threads;
  std::string kv_type = "f32";
  std::string compute = "f32";
  bool skips_memory_check = false;

  // `positional` is declared by the command itself, in its place.
  void AddTo(CommandLine& line);
  void AddKvTypeTo(CommandLine& line);
  // How weights are computed with, and whether what they take is looked at first.
  void AddLoadingTo(CommandLine& line, const std::string& default_mode);

  std::string path() const;  // throws Error
  int num_threads() const;
  DType kv_dtype() const;
  ComputeMode compute_mode() const;
};

inline constexpr const char* kModelHelp =
    "Model folder (config.json, tokenizer.json, *.safetensors), safetensors file or GGUF file (of "
    "a "
    "split model the first); default: $TRINITY_MODEL, else the bundled trinity-pico";

// Opens the checkpoint of a model, with names and config of Hugging Face whatever the format. What
// a GGUF file leaves open and what is taken instead is said on stderr. Throws Error.
Checkpoint OpenModelCheckpoint(const std::string& path);

// A model with what it stands on.
struct LoadedModel {
  std::unique_ptr<ThreadPool> pool;
  std::unique_ptr<Model> model;
  double load_s = 0;
};

// Loads all weights, with a progress line where stderr is a terminal. Throws Error, also where they
// do not fit into the memory that is available.
LoadedModel LoadModel(const Checkpoint& checkpoint, const ModelOptions& options);

}  // namespace trinity

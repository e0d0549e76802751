#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "checkpoint/checkpoint.h"
#include "convert/checkpoint_text.h"
#include "convert/gguf_output.h"
#include "convert/quant_recipe.h"
#include "model/memory_plan.h"

namespace trinity {

// Gives the matrices whose GGUF name a regular expression finds another dtype than the recipe's.
struct KeptType {
  std::string regex;  // ECMAScript, found anywhere in the name
  DType dtype;
};

struct QuantizeOptions {
  std::string path;  // to be written
  QuantRecipe recipe = QuantRecipe::kQ4_K_M;
  std::vector<KeptType> kept;  // the first that matches counts
  std::optional<std::string> importance_path;
  Overwriting overwriting = Overwriting::kRefused;
};

// What the matrices of one class became.
struct QuantizedClass {
  std::map<DType, int64_t> num_values;  // by dtype
  int64_t source_bytes = 0;
  int64_t bytes = 0;
  RewriteError error;
};

struct QuantizeSummary {
  std::array<QuantizedClass, kNumParameterClasses> classes;
  std::vector<std::string> notes;  // matrices that no block of the recipe divides
};

// Writes a GGUF file in block formats from any checkpoint with Hugging Face's names. Throws Error
// where an option or a value is refused, StorageError where writing fails; then no file appears.
QuantizeSummary QuantizeModel(const Checkpoint& checkpoint, const CheckpointText& text,
                              const QuantizeOptions& options, ThreadPool& pool,
                              const RewriteProgress& progress);

// The dtype with this name, in upper or lower case, that matrices can have in a GGUF file.
std::optional<DType> FindMatrixDType(std::string_view name);

}  // namespace trinity

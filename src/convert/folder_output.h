#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/safetensors_writer.h"
#include "convert/convert_model.h"

namespace trinity {

// The tensors of a folder that is to be written.
struct FolderTensorList {
  DType dtype = DType::kF32;  // as config.json will say
  std::vector<TensorSpec> specs;
  std::vector<RewriteJob> jobs;  // one a spec
};

struct Workers {
  ThreadPool& pool;
  const RewriteProgress& progress;
};

// Writes a model as transformers has it; config.json appears last. Returns the number of files of
// tensors. Throws Error where the folder is not empty and may not be replaced, or holds files that
// are not of a model.
int64_t WriteFolder(const Checkpoint& source, const CheckpointText& text,
                    const FolderTensorList& list, const ConvertOptions& options,
                    const Workers& workers);

// Whether rounding to `dtype` (F32, F16 or BF16) changes none of the values.
bool HoldsAll(DType dtype, std::span<const float> values);

}  // namespace trinity

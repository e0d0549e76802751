#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/gguf_metadata.h"
#include "checkpoint/safetensors_writer.h"
#include "convert/checkpoint_text.h"
#include "convert/tensor_rewriting.h"
#include "model/config.h"

namespace trinity {

// Whether a file or folder that is there already may be replaced.
enum class Overwriting { kRefused, kAllowed };

// A GGUF file that is to be written from a checkpoint.
struct GgufOutput {
  std::string path;
  Overwriting overwriting = Overwriting::kRefused;
  GgufMetadata metadata;
  std::vector<TensorSpec> specs;  // with GGUF's names
  std::vector<RewriteJob> jobs;   // one a spec

  // Adds a tensor of the model in this dtype.
  void Add(const ModelTensor& tensor, DType dtype, std::vector<float> importance = {});
};

// The metadata for a model that comes from `checkpoint`: of a GGUF file its own entries but for
// splits, alignment and file type, of others what AddModelMetadata says.
GgufMetadata MetadataFor(const Checkpoint& checkpoint, const Config& config,
                         const CheckpointText& text, uint32_t file_type);

// general.file_type for matrices that are mostly of this dtype.
uint32_t FileTypeOf(DType dtype);

// Norms, biases and the router, which GGUF holds in F32 whatever the matrices have.
bool IsAlwaysF32(const ModelTensor& tensor);

// Throws Error where one of these files of a folder exists and may not be replaced, or the file
// system has too little free space for all.
void RequirePlace(std::span<const GgufOutput> outputs);

// Writes the file: under a temporary name, synced and renamed when all of it is there. Throws Error
// where it exists and may not be replaced or the file system has too little free space;
// StorageError. Returns the error of each tensor.
std::vector<RewriteError> WriteGguf(const TensorSource& source, const GgufOutput& output,
                                    ThreadPool& pool, const RewriteProgress& progress);

}  // namespace trinity

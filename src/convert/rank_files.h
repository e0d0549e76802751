#pragma once

#include <string>

#include "convert/folder_output.h"
#include "convert/gguf_output.h"
#include "model/config.h"
#include "model/rank_slice.h"

namespace trinity {

// How a model is cut for its files.
struct FileCut {
  const Config& config;
  RankGrid grid;
};

// Writes `output` as one GGUF file for each rank (checkpoint/gguf_parts.h), with what the rank
// reads when the model is loaded on as many. Of a tensor of which a rank holds nothing its file has
// one block, since GGUF has no empty tensors. output.path is NAME.gguf; the files appear when all
// are complete. Returns the bytes of their tensors. Throws as WriteGguf does.
int64_t WriteRankFiles(const TensorSource& source, const GgufOutput& output, const FileCut& cut,
                       const Workers& workers);

}  // namespace trinity

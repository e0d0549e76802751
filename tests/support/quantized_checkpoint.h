#pragma once

#include <span>
#include <string>

#include "base/dtype.h"
#include "checkpoint/checkpoint.h"

namespace trinity {

// `source` with its matrices rounded to `formats` in turn, where a format's blocks divide the rows;
// norms, biases and routers stay as they are. Written to `path`, a GGUF file with the names of the
// source.
Checkpoint QuantizedCheckpoint(const Checkpoint& source, std::span<const DType> formats,
                               const std::string& path);

}  // namespace trinity

#pragma once

#include <vector>

#include "base/file.h"
#include "checkpoint/checkpoint.h"

namespace trinity {

// The safetensors format: 8 bytes little-endian header length N, N bytes of JSON, then the data.
// Source: github.com/huggingface/safetensors, README "Format".

// Reads and totally validates the header of `file`: length (at most 100 MB, within the file),
// UTF-8, JSON, no duplicate names, known dtypes, shape x dtype equal to the span, spans that
// neither overlap nor leave gaps and end with the file. Throws Error with file, tensor, expected
// and found.
std::vector<TensorInfo> ReadSafetensorsHeader(const File& file, int file_index);

}  // namespace trinity

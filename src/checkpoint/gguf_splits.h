#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/json.h"

namespace trinity {

// A model in several GGUF files, name-00001-of-00003.gguf and on: each holds some of the tensors,
// the first one also the metadata. Source: llama.cpp, tools/gguf-split.
struct GgufSplit {
  int64_t index = 0;        // of the file, from 0
  int64_t count = 1;        // of the files
  int64_t num_tensors = 0;  // of all files
};

// What `metadata` says of the file at `path`; absent where the model is in one file. Throws Error
// where the keys of a split are not all there, of another kind, or do not fit each other.
std::optional<GgufSplit> FindGgufSplit(const Json& metadata, const std::string& path);

// The path of file `index`, from that of the first file. Throws Error where that is not named
// PREFIX-00001-of-COUNT.gguf.
std::string GgufSplitPath(const std::string& first_path, int64_t index, int64_t count);

}  // namespace trinity

#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "checkpoint/checkpoint.h"

namespace trinity {

// The GGUF format, versions 2 and 3, little-endian: magic, counts, metadata, tensor infos, then the
// aligned data. Source: ggml-org/ggml, docs/gguf.md.

// Where one key with its type and value stands in the file, so that it can be copied as it is.
struct GgufEntry {
  std::string key;
  int64_t offset = 0;
  int64_t num_bytes = 0;
};

struct GgufHeader {
  // Keys in the order of the file. Integers keep their sign, floats become double, arrays hold one
  // kind of scalar.
  Json metadata;
  std::vector<GgufEntry> entries;   // of `metadata`, in its order
  std::vector<TensorInfo> tensors;  // sorted by place; names as in the file
};

// Whether the file begins as GGUF files do.
bool HasGgufMagic(const File& file);

// Reads and totally validates the header of `file`: magic, version, byte order, counts and lengths
// within the file, known types, UTF-8, no key or tensor twice, alignment a power of two from 8,
// 1 to 4 dimensions above 0, rows of whole blocks, data aligned, within the file, without overlap
// or gap. Throws Error with file, key or tensor, expected and found. Memory is bounded by the
// header's size and a limit on array elements.
GgufHeader ReadGgufHeader(const File& file, int file_index);

}  // namespace trinity

#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/gguf_metadata.h"

namespace trinity {

// A model cut among ranks, a GGUF file for each, NAME-rank-0-of-4.gguf and on. A file is complete
// but for its tensors, which are boxes of the model's: two keys say, for the tensors of the file in
// their order, the dimensions of the whole tensor and where the box begins. This format is this
// program's own.
struct GgufPart {
  int64_t rank = 0;
  int64_t num_ranks = 1;
};

// How the keys begin.
inline constexpr std::string_view kGgufPartKeys = "trinity.part.";

// What `metadata` says of the file at `path`; absent where it is no part. Throws Error where the
// keys do not fit each other.
std::optional<GgufPart> FindGgufPart(const Json& metadata, const std::string& path);

// What the name of a file says: the path without "-rank-0-of-4.gguf", and these two.
struct GgufPartName {
  std::string prefix;
  GgufPart part;

  std::string PathOf(int64_t rank) const;
};
std::optional<GgufPartName> ParseGgufPartName(const std::string& path);

// Makes the tensors of such a file, in their order, those of the model with one part each; tensors
// that are there as a whole stay as they are. Throws Error where the keys do not fit the tensors.
void PlaceGgufParts(const Json& metadata, const std::string& path,
                    std::vector<TensorInfo>& tensors);

// Adds the parts that other files hold of the same tensors, and tensors that only those hold.
// Throws Error where they disagree.
void MergeParts(const std::string& path, std::vector<TensorInfo> others,
                std::vector<TensorInfo>& tensors);

// Adds the keys. `shapes` and `firsts` are those of the whole tensors, one after another.
void AddGgufPart(const GgufPart& part, std::span<const int32_t> shapes,
                 std::span<const int32_t> firsts, GgufMetadata& metadata);

}  // namespace trinity

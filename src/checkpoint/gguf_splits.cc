#include "checkpoint/gguf_splits.h"

#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "checkpoint/gguf_integer.h"

namespace trinity {
namespace {

constexpr int64_t kMaxSplits = 65535;  // the keys are 16 bits wide

int64_t ReadKey(const Json& metadata, const std::string& path, const char* key, int64_t highest) {
  const auto entry = metadata.find(key);
  if (entry == metadata.end()) {
    Fail("{}: {} is missing, other keys of a split are there", path, key);
  }
  return GgufInteger(*entry, highest, fmt::format("{}: {}", path, key));
}

}  // namespace

std::optional<GgufSplit> FindGgufSplit(const Json& metadata, const std::string& path) {
  constexpr const char* kNo = "split.no";
  constexpr const char* kCount = "split.count";
  constexpr const char* kTensors = "split.tensors.count";
  if (!metadata.contains(kNo) && !metadata.contains(kCount) && !metadata.contains(kTensors)) {
    return std::nullopt;
  }
  GgufSplit split;
  split.count = ReadKey(metadata, path, kCount, kMaxSplits);
  split.index = ReadKey(metadata, path, kNo, kMaxSplits);
  split.num_tensors = ReadKey(metadata, path, kTensors, std::numeric_limits<int32_t>::max());
  // A count of 0 or 1 is what remains in a file that was merged again.
  if (split.count <= 1 && split.index == 0) return std::nullopt;
  if (split.index >= split.count) {
    Fail("{}: split.no: expected less than split.count, {}, found {}", path, split.count,
         split.index);
  }
  return split;
}

std::string GgufSplitPath(const std::string& first_path, int64_t index, int64_t count) {
  const std::string suffix = fmt::format("-{:05}-of-{:05}.gguf", 1, count);
  if (!first_path.ends_with(suffix)) {
    Fail("{}: is the first of {} files: expected a name that ends with {}", first_path, count,
         suffix);
  }
  const std::string prefix = first_path.substr(0, first_path.size() - suffix.size());
  return fmt::format("{}-{:05}-of-{:05}.gguf", prefix, index + 1, count);
}

}  // namespace trinity

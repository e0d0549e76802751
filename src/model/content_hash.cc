#include "model/content_hash.h"

#include <algorithm>
#include <string>

#include "base/fnv_hash.h"

namespace trinity {

uint64_t ContentHash(const Checkpoint& checkpoint) {
  constexpr int64_t kSampleBytes = 1024;
  uint64_t hash = FnvHash({});
  for (const TensorInfo& tensor : checkpoint.tensors()) {
    if (tensor.is_cut()) continue;
    std::string sample(static_cast<size_t>(std::min(tensor.num_bytes, kSampleBytes)), '\0');
    const int64_t num_places = tensor.num_bytes - static_cast<int64_t>(sample.size()) + 1;
    const auto place =
        static_cast<int64_t>(FnvHash(tensor.name) % static_cast<uint64_t>(num_places));
    checkpoint.ReadAt(tensor, place, std::as_writable_bytes(std::span(sample)));
    hash = FnvHash(sample, FnvHash(tensor.name, hash));
  }
  return hash;
}

}  // namespace trinity

#include "convert/synth_values.h"

#include "base/fnv_hash.h"

namespace trinity {

SynthValues::SynthValues(std::span<const SynthTensor> tensors, uint64_t seed) : seed_(seed) {
  for (const SynthTensor& tensor : tensors) {
    tables_.try_emplace(DistributionOf(tensor), tensor.spec.dtype, tensor.mean, tensor.stddev);
  }
}

void SynthValues::Fill(const SynthTensor& tensor, int64_t byte_offset,
                       std::span<std::byte> bytes) const {
  const int64_t value_bytes = InfoOf(tensor.spec.dtype).block_bytes;
  tables_.at(DistributionOf(tensor))
      .Fill(seed_, FnvHash(tensor.spec.name), byte_offset / value_bytes, bytes);
}

SynthValues::Distribution SynthValues::DistributionOf(const SynthTensor& tensor) {
  return {tensor.spec.dtype, tensor.mean, tensor.stddev};
}

}  // namespace trinity

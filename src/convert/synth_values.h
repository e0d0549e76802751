#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <tuple>

#include "convert/normal_table.h"
#include "convert/synth_tensors.h"

namespace trinity {

// The bytes of random tensors, any range of them at any time. They depend on the seed, the name and
// the position alone. Tables of the distributions are made beforehand and shared.
class SynthValues {
 public:
  SynthValues(std::span<const SynthTensor> tensors, uint64_t seed);

  // Fills `bytes` with those of the tensor, one of the constructor's list, from `byte_offset` on,
  // the start of a value. Thread-safe.
  void Fill(const SynthTensor& tensor, int64_t byte_offset, std::span<std::byte> bytes) const;

 private:
  using Distribution = std::tuple<DType, double, double>;  // mean, standard deviation

  static Distribution DistributionOf(const SynthTensor& tensor);

  uint64_t seed_;
  std::map<Distribution, NormalTable> tables_;
};

}  // namespace trinity

#include "base/random.h"

namespace trinity {

std::array<uint32_t, 4> RandomBits(uint64_t seed, uint64_t stream, uint64_t position) {
  constexpr uint64_t kMultiplier0 = 0xD2511F53, kMultiplier1 = 0xCD9E8D57;
  constexpr uint32_t kWeyl0 = 0x9E3779B9, kWeyl1 = 0xBB67AE85;
  uint32_t key0 = static_cast<uint32_t>(seed), key1 = static_cast<uint32_t>(seed >> 32);
  std::array<uint32_t, 4> c = {static_cast<uint32_t>(position),
                               static_cast<uint32_t>(position >> 32), static_cast<uint32_t>(stream),
                               static_cast<uint32_t>(stream >> 32)};
  for (int round = 0; round < 10; ++round) {
    const uint64_t product0 = kMultiplier0 * c[0], product1 = kMultiplier1 * c[2];
    c = {static_cast<uint32_t>(product1 >> 32) ^ c[1] ^ key0, static_cast<uint32_t>(product1),
         static_cast<uint32_t>(product0 >> 32) ^ c[3] ^ key1, static_cast<uint32_t>(product0)};
    key0 += kWeyl0;
    key1 += kWeyl1;
  }
  return c;
}

double UniformAt(uint64_t seed, uint64_t stream, uint64_t position) {
  const std::array<uint32_t, 4> bits = RandomBits(seed, stream, position);
  const uint64_t high = (uint64_t{bits[0]} << 32 | bits[1]) >> 11;
  return static_cast<double>(high) * 0x1.0p-53;
}

}  // namespace trinity

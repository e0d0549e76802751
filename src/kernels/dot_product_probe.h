#pragma once

#include <cstdint>
#include <string_view>

namespace trinity {

// A loop over one instruction that Highway has no name for, as RunArithmetic wants it.
struct DotProductProbe {
  std::string_view instruction;
  int64_t ops_per_round;
  uint32_t (*run)(int64_t num_rounds);  // the result depends on all of them
};

// The best one of this CPU, or nullptr where it has none.
const DotProductProbe* FindInt8Probe();
const DotProductProbe* FindBF16Probe();
const DotProductProbe* FindAmxInt8Probe();
const DotProductProbe* FindAmxBF16Probe();

}  // namespace trinity

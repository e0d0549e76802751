#include "load/arrival_times.h"

#include <cmath>

#include "base/random.h"

namespace trinity {
namespace {

// Of the random numbers of a seed: not those of the prompts.
constexpr uint64_t kStream = 0xA881'7A15;

}  // namespace

double ArrivalTimes::Next() {
  // The time between two of them has an exponential distribution.
  time_s_ -= std::log1p(-UniformAt(seed_, kStream, num_arrivals_++)) / rate_;
  return time_s_;
}

}  // namespace trinity

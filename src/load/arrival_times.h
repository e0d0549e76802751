#pragma once

#include <cstdint>

namespace trinity {

// When requests arrive that know nothing of each other (a Poisson process): the same for the same
// seed.
class ArrivalTimes {
 public:
  // rate: requests a second, above 0.
  ArrivalTimes(double rate, uint64_t seed) : rate_(rate), seed_(seed) {}

  // Seconds from the beginning to the next request.
  double Next();

 private:
  double rate_;
  uint64_t seed_;
  uint64_t num_arrivals_ = 0;
  double time_s_ = 0;
};

}  // namespace trinity

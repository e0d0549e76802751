#pragma once

namespace trinity {

// Searches for scales take nearly all the time of quantizing, in loops over some lanes. They are
// compiled for AVX2 too and run so where the CPU has it. The lanes and their order are the same, so
// the results are the same to the bit.
#define TRINITY_VECTOR_LOOP __attribute__((always_inline))

#if defined(__x86_64__)

inline bool HasAvx2() {
  static const bool has_avx2 = __builtin_cpu_supports("avx2") != 0;
  return has_avx2;
}

template <typename Loop>
__attribute__((target("avx2"))) auto RunWithAvx2(const Loop& loop) {
  return loop();
}

// Runs `loop`, a lambda that is marked TRINITY_VECTOR_LOOP.
template <typename Loop>
auto RunVectorLoop(const Loop& loop) {
  return HasAvx2() ? RunWithAvx2(loop) : loop();
}

#else

template <typename Loop>
auto RunVectorLoop(const Loop& loop) {
  return loop();
}

#endif

// The lanes of a sum, by halves.
inline float SumOfLanes(const float (&lanes)[8]) {
  return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) +
         ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
}

}  // namespace trinity

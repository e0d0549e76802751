#pragma once

#include <array>
#include <cstdint>

#include "base/thread_pool.h"
#include "kernels/roof_probe.h"

namespace trinity {

// What this machine can do at best with the threads of one pool.
struct Roof {
  double read_bytes_per_s = 0;  // from memory
  int64_t read_set_bytes = 0;   // that this was measured over
  // Of a set that is smaller than read_set_bytes and may find place in a cache; 0: not asked for.
  double small_set_bytes_per_s = 0;
  std::array<double, kNumArithmetics> ops_per_s{};  // 0 where this CPU has no instruction for it

  // kBF16: at least that of kF32, because bf16 products may be computed in float32 as well.
  double OpsPerSecond(Arithmetic arithmetic) const;
};

// Measures the roof again and again and keeps the best: others may use the machine too, so that no
// single measurement tells what it can do.
class RoofMeter {
 public:
  // `data_bytes`: what will be read again and again; its own read speed is measured where it is
  // smaller than the set that stands for memory. The pool must outlive the meter.
  explicit RoofMeter(ThreadPool& pool, int64_t data_bytes = 0);

  // Takes about a second, and for that time 1 GiB of memory, or half of what is free where that is
  // less.
  void Measure();

  const Roof& roof() const { return roof_; }

 private:
  void MeasureReading();
  void MeasureArithmetic(Arithmetic arithmetic);

  ThreadPool& pool_;
  int64_t data_bytes_;
  Roof roof_;
};

}  // namespace trinity

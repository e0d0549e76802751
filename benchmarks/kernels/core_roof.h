#pragma once

namespace trinity {

// What one core of this machine can do, measured once a program on the active SIMD target: the roof
// that kernels are compared with.

// Bytes a second that a core reads from memory, from a buffer far larger than its caches.
double CoreReadBytesPerSecond();

// Float32 operations a second of a core's fused multiply-adds (two each), all in registers.
double CoreFloatOpsPerSecond();

}  // namespace trinity

#pragma once

#include "kernels/roof_probe.h"

namespace trinity {

// What one core of this machine can do, measured once a program: the roof that kernels are compared
// with.

// Bytes a second that a core reads from memory, from a buffer far larger than its caches.
double CoreReadBytesPerSecond();

// Operations a second of a core, a multiplication and an addition being two, all in registers. Of
// float32 where this CPU has nothing for `arithmetic`.
double CoreOpsPerSecond(Arithmetic arithmetic);

}  // namespace trinity

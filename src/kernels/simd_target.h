#pragma once

#include <string>
#include <vector>

namespace trinity {

// Names of the SIMD targets that this binary holds and this CPU has, best first: Highway's ("AVX3",
// "AVX2", ...) and before each the levels that are built on it ("AMX", "AVX512_BF16", "AVX512_VNNI"
// on AVX3, "AVX_VNNI" on AVX2, "NEON_DOT" on NEON).
std::vector<std::string> AvailableSimdTargets();

// The target that the kernels run on.
std::string ActiveSimdTarget();

// Makes all kernels run on `name` from now on; call it before any kernel runs. Throws UsageError
// that lists the available ones where this binary or CPU has no such target.
void ForceSimdTarget(const std::string& name);

}  // namespace trinity

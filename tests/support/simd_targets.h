#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "kernels/simd_target.h"

namespace trinity {

// Runs `body` on every SIMD target that this CPU has, then goes back to the best.
inline void OnEverySimdTarget(const std::function<void()>& body) {
  const std::vector<std::string> targets = AvailableSimdTargets();
  for (const std::string& target : targets) {
    SCOPED_TRACE(target);
    ForceSimdTarget(target);
    body();
    if (testing::Test::HasFatalFailure()) break;
  }
  ForceSimdTarget(targets.front());
}

}  // namespace trinity

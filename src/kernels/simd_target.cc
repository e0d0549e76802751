#include "kernels/simd_target.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "kernels/enabled_targets.h"
//
#include "hwy/highway.h"
#include "hwy/targets.h"

namespace trinity {
namespace {

// Asked once, before any target is forced: from then on Highway reports only the forced one.
const std::vector<int64_t>& Targets() {
  static const std::vector<int64_t> targets = hwy::SupportedAndGeneratedTargets();
  return targets;
}

}  // namespace

std::vector<std::string> AvailableSimdTargets() {
  std::vector<std::string> names;
  for (const int64_t target : Targets()) names.emplace_back(hwy::TargetName(target));
  return names;
}

std::string ActiveSimdTarget() {
  Targets();
  return hwy::TargetName(hwy::SupportedAndGeneratedTargets().front());
}

void ForceSimdTarget(const std::string& name) {
  for (const int64_t target : Targets()) {
    if (name == hwy::TargetName(target)) {
      hwy::SetSupportedTargetsForTest(target);
      return;
    }
  }
  throw UsageError(fmt::format("SIMD target: expected one of {}, found \"{}\"",
                               fmt::join(AvailableSimdTargets(), ", "), Printable(name)));
}

}  // namespace trinity

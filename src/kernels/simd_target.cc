#include "kernels/simd_target.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string_view>

#include "base/error.h"
#include "kernels/cpu_level.h"
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

bool HasTarget(std::string_view name) {
  return std::any_of(Targets().begin(), Targets().end(),
                     [name](int64_t target) { return name == hwy::TargetName(target); });
}

void ForceHighwayTarget(std::string_view name) {
  for (const int64_t target : Targets()) {
    if (name == hwy::TargetName(target)) hwy::SetSupportedTargetsForTest(target);
  }
}

}  // namespace

// Levels stand before the Highway target that they are built on.
std::vector<std::string> AvailableSimdTargets() {
  std::vector<std::string> names;
  for (const int64_t target : Targets()) {
    const std::string name = hwy::TargetName(target);
    for (const CpuLevel& level : AvailableCpuLevels()) {
      if (level.highway_target == name) names.emplace_back(level.name);
    }
    names.push_back(name);
  }
  return names;
}

std::string ActiveSimdTarget() {
  Targets();
  const std::string target = hwy::TargetName(hwy::SupportedAndGeneratedTargets().front());
  const CpuLevel& level = ActiveCpuLevel();
  return level.highway_target == target ? std::string(level.name) : target;
}

void ForceSimdTarget(const std::string& name) {
  for (const CpuLevel& level : AvailableCpuLevels()) {
    if (level.name == name && HasTarget(level.highway_target)) {
      ForceHighwayTarget(level.highway_target);
      return ForceCpuLevel(&level);
    }
  }
  if (!HasTarget(name)) {
    throw UsageError(fmt::format("SIMD target: expected one of {}, found \"{}\"",
                                 fmt::join(AvailableSimdTargets(), ", "), Printable(name)));
  }
  ForceHighwayTarget(name);
  ForceCpuLevel(nullptr);
}

}  // namespace trinity

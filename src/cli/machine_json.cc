#include "cli/machine_json.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <vector>

#include "cli/amount_text.h"
#include "kernels/simd_target.h"

namespace trinity {
namespace {

template <typename T>
Json OrNull(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

// Of the instruction itself, even where another way is faster.
double SpeedOf(const Roof& roof, Arithmetic arithmetic) {
  return roof.ops_per_s[static_cast<size_t>(arithmetic)];
}

std::vector<Arithmetic> AvailableArithmetics() {
  std::vector<Arithmetic> found;
  for (int i = 0; i < kNumArithmetics; ++i) {
    const auto arithmetic = static_cast<Arithmetic>(i);
    if (!InstructionOf(arithmetic).empty()) found.push_back(arithmetic);
  }
  return found;
}

}  // namespace

Json MachineJson(const Machine& machine, const Roof& roof) {
  Json json = {{"cpu", machine.cpu_model},
               {"logical_cpus", machine.num_logical_cpus},
               {"numa_nodes", machine.num_numa_nodes},
               {"simd_target", ActiveSimdTarget()},
               {"simd_targets", AvailableSimdTargets()},
               {"memory_bytes", machine.memory_bytes},
               {"available_bytes", machine.available_bytes},
               {"swap_bytes", machine.swap_bytes},
               {"transparent_huge_pages", machine.transparent_huge_pages},
               {"huge_pages", machine.num_huge_pages},
               {"free_huge_pages", machine.num_free_huge_pages},
               {"cgroup_memory_bytes", OrNull(machine.cgroup_memory_bytes)},
               {"cgroup_cpus", OrNull(machine.cgroup_cpus)}};
  Json& of_roof = json["roof"];
  of_roof["read_gb_per_s"] = roof.read_bytes_per_s / 1e9;
  of_roof["read_set_bytes"] = roof.read_set_bytes;
  if (roof.small_set_bytes_per_s > 0) {
    of_roof["model_read_gb_per_s"] = roof.small_set_bytes_per_s / 1e9;
  }
  for (const Arithmetic arithmetic : AvailableArithmetics()) {
    of_roof[fmt::format("{}_gop_per_s", NameOf(arithmetic))] = SpeedOf(roof, arithmetic) / 1e9;
  }
  return json;
}

std::string RoofText(const Roof& roof) {
  std::string text = fmt::format("roof: reads {:.1f} GB/s over {}", roof.read_bytes_per_s / 1e9,
                                 ByteText(roof.read_set_bytes));
  if (roof.small_set_bytes_per_s > 0) {
    text += fmt::format(", {:.1f} GB/s over as much as the model has",
                        roof.small_set_bytes_per_s / 1e9);
  }
  text += "\nroof:";
  for (const Arithmetic arithmetic : AvailableArithmetics()) {
    text +=
        fmt::format("{} {} {:.0f} GOP/s ({})", arithmetic == Arithmetic::kF32 ? "" : ",",
                    NameOf(arithmetic), SpeedOf(roof, arithmetic) / 1e9, InstructionOf(arithmetic));
  }
  return text + "\n";
}

}  // namespace trinity

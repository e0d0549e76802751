#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace trinity {

// Which weight of which expert a name of the per-expert form means.
struct ExpertWeight {
  int64_t layer = 0;
  int64_t expert = 0;
  std::string_view part;  // "gate_proj.weight"
};

// Absent where the name is not of that form.
std::optional<ExpertWeight> FindExpertWeight(std::string_view name);

}  // namespace trinity

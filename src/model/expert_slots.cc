#include "model/expert_slots.h"

#include <iterator>

#include "base/check.h"

namespace trinity {

ExpertSlots::ExpertSlots(int64_t num_experts, int64_t num_slots)
    : slot_of_(static_cast<size_t>(num_experts)), expert_in_(static_cast<size_t>(num_slots)) {
  for (int64_t slot = 0; slot < num_slots; ++slot) {
    free_.push_back(slot);
    place_of_.push_back(std::prev(free_.end()));
  }
}

std::vector<ExpertSlots::Assignment> ExpertSlots::Assign(std::span<const int64_t> experts,
                                                         Newcomers newcomers) {
  TRINITY_CHECK(static_cast<int64_t>(experts.size()) <= num_slots());
  // Whoever has been asked for goes to the end, where nobody is replaced before all others are.
  std::vector<Assignment> assignments;
  for (const int64_t expert : experts) {
    if (const std::optional<int64_t> slot = FindSlot(expert)) {
      used_.splice(used_.end(), used_, PlaceOf(*slot));
    } else {
      assignments.push_back({expert, 0, std::nullopt});
    }
  }
  Order given;
  for (Assignment& assignment : assignments) {
    Order& from = free_.empty() ? used_ : free_;
    assignment.slot = from.front();
    given.splice(given.end(), from, from.begin());
    std::optional<int64_t>& holder = expert_in_[static_cast<size_t>(assignment.slot)];
    assignment.replaced = holder;
    if (holder) slot_of_[static_cast<size_t>(*holder)].reset();
    holder = assignment.expert;
    slot_of_[static_cast<size_t>(assignment.expert)] = assignment.slot;
  }
  used_.splice(newcomers == Newcomers::kStay ? used_.end() : used_.begin(), given);
  return assignments;
}

void ExpertSlots::Release(int64_t expert) {
  std::optional<int64_t>& slot = slot_of_[static_cast<size_t>(expert)];
  TRINITY_CHECK(slot.has_value());
  expert_in_[static_cast<size_t>(*slot)].reset();
  free_.splice(free_.begin(), used_, PlaceOf(*slot));
  slot.reset();
}

}  // namespace trinity

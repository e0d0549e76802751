#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <span>
#include <vector>

namespace trinity {

// Which of many experts have the few slots of memory that there are. Where none is free, the expert
// that was asked for longest ago gives up its own.
class ExpertSlots {
 public:
  ExpertSlots(int64_t num_experts, int64_t num_slots);

  // An expert that has been given a slot.
  struct Assignment {
    int64_t expert;
    int64_t slot;
    std::optional<int64_t> replaced;  // the expert that had it
  };

  // How long experts that are given a slot keep it: until all others have been asked for since, or
  // only until the next slot is needed.
  enum class Newcomers { kStay, kGoFirst };

  // Gives a slot to those of `experts` that have none. At most num_slots of them, each once; none
  // of them is replaced.
  std::vector<Assignment> Assign(std::span<const int64_t> experts, Newcomers newcomers);

  // Takes the slot of an expert away.
  void Release(int64_t expert);

  std::optional<int64_t> FindSlot(int64_t expert) const {
    return slot_of_[static_cast<size_t>(expert)];
  }
  int64_t num_slots() const { return static_cast<int64_t>(expert_in_.size()); }

 private:
  using Order = std::list<int64_t>;

  Order::iterator PlaceOf(int64_t slot) const { return place_of_[static_cast<size_t>(slot)]; }

  std::vector<std::optional<int64_t>> slot_of_;    // by expert
  std::vector<std::optional<int64_t>> expert_in_;  // by slot
  std::vector<Order::iterator> place_of_;          // by slot, in the order that it stands in
  Order free_;
  Order used_;  // the next to be given to another expert first
};

}  // namespace trinity

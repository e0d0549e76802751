#pragma once

#include <memory>
#include <vector>

#include "chat/jinja/ast.h"
#include "chat/jinja/value.h"

namespace trinity::jinja {

// The variables of one running function of a template.
struct Activation final : Object {
  Activation(int num_slots, std::shared_ptr<Activation> outer_activation)
      : slots(static_cast<size_t>(num_slots)), outer(std::move(outer_activation)) {}

  void Release() override {
    slots.assign(slots.size(), Value());
    outer = nullptr;
  }

  Value& At(SlotRef ref) {
    Activation* activation = this;
    for (int i = 0; i < ref.hops; ++i) activation = activation->outer.get();
    return activation->slots[static_cast<size_t>(ref.slot)];
  }

  std::vector<Value> slots;
  std::shared_ptr<Activation> outer;
  bool is_kept = false;  // a macro holds it, so the runtime empties it at the end
};

}  // namespace trinity::jinja

#pragma once

#include <tuple>

#include "engine/active_request.h"
#include "engine/sequence.h"

namespace trinity {

// The order in which sequences are begun: those of the highest priority first, then by arrival.
inline bool ComesBefore(const Sequence* a, const Sequence* b) {
  const auto rank = [](const Sequence& sequence) {
    return std::tuple(-sequence.request().request.priority, sequence.request().id,
                      sequence.answer());
  };
  return rank(*a) < rank(*b);
}

// Whatever the priorities.
inline bool ArrivedBefore(const Sequence* a, const Sequence* b) {
  return std::tuple(a->request().id, a->answer()) < std::tuple(b->request().id, b->answer());
}

}  // namespace trinity

#pragma once

#include <cstdint>
#include <span>

#include "base/memory_block.h"
#include "parallel/communicator.h"
#include "parallel/index_share.h"

namespace trinity {

// Mean cross entropy, in nats, of `targets` [rows] after the logits [rows, held.size()] of the part
// of the vocabulary that this rank holds; all ranks together hold all of it. Replaces the logits by
// their gradients, (softmax - target) / rows. Every rank has the same bits of the loss.
//
// Ranks exchange no more than log(sum(exp(logits))) of their parts and the logits of the targets.
double LossOfVocabulary(Communicator& ranks, const IndexRange& held,
                        std::span<const int32_t> targets, Matrix& logits);

}  // namespace trinity

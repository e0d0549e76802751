#pragma once

#include "model/activations.h"
#include "model/config.h"
#include "model/step.h"
#include "parallel/communicator.h"

namespace trinity {

// Each rank has `a.logits` [logit rows, its part of the vocabulary]: on rank 0 they become [logit
// rows, vocab_size]. Where every sequence of the step wants its best logits alone, ranks send no
// others, and -infinity stands for those. Throws RankLost.
void GatherLogits(const Config& config, const Step& step, Communicator& ranks, Activations& a);

}  // namespace trinity

#pragma once

#include "model/model.h"
#include "model/rank_task.h"

namespace trinity {

// The life of a rank that does not lead: keeps caches of its own as rank 0 keeps them, and computes
// its part of every step, until rank 0 says that there will be no more. Does the one of
// `tasks` that rank 0 announces. Throws RankLost, and what the task throws.
void FollowLeader(const Model& model, const RankTasks& tasks = {});

}  // namespace trinity

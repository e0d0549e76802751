#include "model/follower.h"

#include <variant>

#include "base/check.h"
#include "model/activations.h"
#include "model/mirrored_caches.h"
#include "model/rank_steps.h"

namespace trinity {

void FollowLeader(const Model& model, const RankTasks& tasks) {
  MirroredCaches caches(model);
  Step step;
  Activations activations;
  while (const auto work = AwaitWork(model.ranks())) {
    for (const KvCommand& command : work->commands) caches.Do(command);
    if (const auto* announced = std::get_if<AnnouncedTask>(&work->what)) {
      const RankTask& task =
          announced->kind == RankTaskKind::kGradients ? tasks.gradients : tasks.prefixes;
      TRINITY_CHECK(task != nullptr);
      task(model, caches, announced->words);
      continue;
    }
    step.Clear();
    for (const AnnouncedSequence& sequence : std::get<AnnouncedStep>(work->what).sequences) {
      step.Add(caches.At(sequence.cache), sequence.ids, sequence.num_logits, sequence.num_best);
    }
    model.Forward(step, activations);
  }
}

}  // namespace trinity

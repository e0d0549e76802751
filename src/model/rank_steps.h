#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "model/kv_journal.h"
#include "model/rank_task.h"
#include "model/step.h"
#include "parallel/communicator.h"

namespace trinity {

// What a step computes for one sequence, as other ranks are told.
struct AnnouncedSequence {
  int64_t cache;  // its number in the journal
  std::vector<int32_t> ids;
  int64_t num_logits;
  std::optional<int64_t> num_best;
};

struct AnnouncedStep {
  std::vector<AnnouncedSequence> sequences;
};

// A task of those that the model was loaded with.
struct AnnouncedTask {
  RankTaskKind kind;
  std::vector<int64_t> words;
};

struct AnnouncedWork {
  std::vector<KvCommand> commands;  // to be done before it
  std::variant<AnnouncedStep, AnnouncedTask> what;
};

// On rank 0: tells the others what to compute next, and empties the journal.
void AnnounceStep(const Step& step, KvJournal& journal, Communicator& ranks);

// The same for a task, which the others then begin.
void AnnounceTask(RankTaskKind kind, std::span<const int64_t> words, KvJournal& journal,
                  Communicator& ranks);

// On rank 0: tells the others that there will be no further step.
void AnnounceEnd(Communicator& ranks);

// On the others: the next step or task, however long it takes to come; nothing at the end. Throws
// RankLost.
std::optional<AnnouncedWork> AwaitWork(Communicator& ranks);

}  // namespace trinity

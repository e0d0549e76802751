#include "model/rank_steps.h"

#include <algorithm>
#include <array>
#include <span>

#include "base/check.h"

namespace trinity {
namespace {

using Words = std::vector<int64_t>;

// Most steps of decoding fit into the first message, which is always as long.
constexpr size_t kFirstWords = 64;

// The first word of a message that is not the last.
constexpr int64_t kStepFollows = 0, kTaskFollows = 1;

// Stands for an absent num_best.
constexpr int64_t kAll = -1;

void Send(Words words, Communicator& ranks) {
  words.insert(words.begin(), static_cast<int64_t>(words.size()));
  words.resize(std::max(words.size(), kFirstWords));
  ranks.Broadcast(std::as_writable_bytes(std::span(words).first(kFirstWords)));
  if (words.size() == kFirstWords) return;
  ranks.Broadcast(std::as_writable_bytes(std::span(words).subspan(kFirstWords)));
}

Words Receive(Communicator& ranks) {
  Words words(kFirstWords);
  ranks.Broadcast(std::as_writable_bytes(std::span(words)), std::nullopt);
  const auto num_words = static_cast<size_t>(words.front());
  if (num_words + 1 > kFirstWords) {
    words.resize(num_words + 1);
    ranks.Broadcast(std::as_writable_bytes(std::span(words).subspan(kFirstWords)));
  }
  words.erase(words.begin());
  words.resize(num_words);
  return words;
}

// Reads words one after another.
class WordReader {
 public:
  explicit WordReader(std::span<const int64_t> words) : words_(words) {}

  int64_t Next() {
    TRINITY_CHECK(index_ < words_.size());
    return words_[index_++];
  }
  Words Rest() const { return {words_.begin() + static_cast<ptrdiff_t>(index_), words_.end()}; }

 private:
  std::span<const int64_t> words_;
  size_t index_ = 0;
};

int64_t NumLogits(const Step& step, const StepSequence& sequence) {
  return std::count_if(step.logit_rows().begin(), step.logit_rows().end(), [&](int64_t row) {
    return row >= sequence.first_row && row < sequence.first_row + sequence.num_rows;
  });
}

// After the word that says what follows, the commands of the journal, which is then empty.
Words BeginMessage(int64_t what_follows, KvJournal& journal) {
  Words words = {what_follows, static_cast<int64_t>(journal.commands().size())};
  for (const KvCommand& command : journal.commands()) {
    words.insert(words.end(), {static_cast<int64_t>(command.kind), command.id, command.argument});
  }
  journal.Clear();
  return words;
}

std::vector<KvCommand> ReadCommands(WordReader& reader) {
  std::vector<KvCommand> commands(static_cast<size_t>(reader.Next()));
  for (KvCommand& command : commands) {
    command.kind = static_cast<KvCommandKind>(reader.Next());
    command.id = reader.Next();
    command.argument = reader.Next();
  }
  return commands;
}

AnnouncedTask ReadTask(WordReader& reader) {
  AnnouncedTask task;
  task.kind = static_cast<RankTaskKind>(reader.Next());
  task.words = reader.Rest();
  return task;
}

AnnouncedStep ReadStep(WordReader& reader) {
  AnnouncedStep step;
  step.sequences.resize(static_cast<size_t>(reader.Next()));
  for (AnnouncedSequence& sequence : step.sequences) {
    sequence.cache = reader.Next();
    sequence.ids.resize(static_cast<size_t>(reader.Next()));
    sequence.num_logits = reader.Next();
    const int64_t num_best = reader.Next();
    if (num_best != kAll) sequence.num_best = num_best;
    for (int32_t& id : sequence.ids) id = static_cast<int32_t>(reader.Next());
  }
  return step;
}

}  // namespace

void AnnounceStep(const Step& step, KvJournal& journal, Communicator& ranks) {
  Words words = BeginMessage(kStepFollows, journal);
  words.push_back(static_cast<int64_t>(step.sequences().size()));
  for (const StepSequence& sequence : step.sequences()) {
    words.insert(words.end(), {sequence.cache->journal_id(), sequence.num_rows,
                               NumLogits(step, sequence), sequence.num_best.value_or(kAll)});
    const auto first = step.token_ids().begin() + sequence.first_row;
    words.insert(words.end(), first, first + sequence.num_rows);
  }
  Send(std::move(words), ranks);
}

void AnnounceTask(RankTaskKind kind, std::span<const int64_t> words, KvJournal& journal,
                  Communicator& ranks) {
  Words message = BeginMessage(kTaskFollows, journal);
  message.push_back(static_cast<int64_t>(kind));
  message.insert(message.end(), words.begin(), words.end());
  Send(std::move(message), ranks);
}

void AnnounceEnd(Communicator& ranks) { Send({}, ranks); }

std::optional<AnnouncedWork> AwaitWork(Communicator& ranks) {
  const Words words = Receive(ranks);
  if (words.empty()) return std::nullopt;
  WordReader reader(words);
  const bool is_task = reader.Next() == kTaskFollows;
  AnnouncedWork work;
  work.commands = ReadCommands(reader);
  if (is_task) {
    work.what = ReadTask(reader);
  } else {
    work.what = ReadStep(reader);
  }
  return work;
}

}  // namespace trinity

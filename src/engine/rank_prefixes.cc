#include "engine/rank_prefixes.h"

#include <fmt/format.h>

#include <filesystem>
#include <functional>
#include <limits>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/error.h"
#include "base/fnv_hash.h"
#include "parallel/agreement.h"
#include "parallel/rank_lost.h"

namespace trinity {
namespace {

enum class PrefixTaskKind : int64_t { kSave, kLoad };

// What a task says, in the order of its words.
struct PrefixTask {
  PrefixTaskKind kind = PrefixTaskKind::kSave;
  std::string path;  // of the file of rank 0
  uint64_t identity = 0;
  int64_t pools = 0;  // number in the journal
  struct State {
    int64_t cache;  // number in the journal
    std::vector<int32_t> ids;
  };
  std::vector<State> states;
};

std::vector<int64_t> WordsOf(const PrefixTask& task) {
  std::vector<int64_t> words = {static_cast<int64_t>(task.kind),
                                static_cast<int64_t>(task.identity), task.pools,
                                static_cast<int64_t>(task.path.size())};
  words.insert(words.end(), task.path.begin(), task.path.end());
  words.push_back(static_cast<int64_t>(task.states.size()));
  for (const PrefixTask::State& state : task.states) {
    words.insert(words.end(), {state.cache, static_cast<int64_t>(state.ids.size())});
    words.insert(words.end(), state.ids.begin(), state.ids.end());
  }
  return words;
}

PrefixTask TaskOf(std::span<const int64_t> words) {
  const auto take = [&words](size_t count) {
    TRINITY_CHECK(count <= words.size());
    const std::span<const int64_t> taken = words.first(count);
    words = words.subspan(count);
    return taken;
  };
  const auto next = [&] { return take(1).front(); };
  PrefixTask task;
  task.kind = static_cast<PrefixTaskKind>(next());
  task.identity = static_cast<uint64_t>(next());
  task.pools = next();
  for (const int64_t byte : take(static_cast<size_t>(next()))) {
    task.path += static_cast<char>(byte);
  }
  task.states.resize(static_cast<size_t>(next()));
  for (PrefixTask::State& state : task.states) {
    state.cache = next();
    for (const int64_t id : take(static_cast<size_t>(next()))) {
      state.ids.push_back(static_cast<int32_t>(id));
    }
  }
  return task;
}

void Send(PrefixTaskKind kind, const PrefixStorage& storage, const KvPools& pools,
          std::span<const PrefixCache::Kept> states) {
  PrefixTask task{kind, storage.path, storage.identity, pools.journal_id(), {}};
  for (const PrefixCache::Kept& kept : states) {
    task.states.push_back({kept.state->journal_id(), kept.ids});
  }
  storage.leader->SendTask(RankTaskKind::kPrefixes, WordsOf(task));
}

// In the name of a file.
std::string MarkOf(int rank, int num_ranks) {
  return fmt::format("-rank-{}-of-{}", rank, num_ranks);
}

// Does a part of the work, and goes on where all ranks could do theirs; else throws Error on all.
// The work may agree with the others by itself, by calling what it is given.
void DoWithAll(Communicator& ranks, const std::function<void(const std::function<void()>&)>& work) {
  bool has_agreed = false;
  const auto agree = [&](const RankReport& report) {
    has_agreed = true;
    Agree(ranks, report, PatienceWithFiles(ranks.patience()));
  };
  try {
    work([&] { agree({}); });
  } catch (const RankLost&) {
    throw;
  } catch (const std::exception& error) {  // memory may be out, too
    if (has_agreed) throw;
    agree({{}, error.what()});
  }
  if (!has_agreed) agree({});
}

// The storage of a rank that does not lead.
PrefixStorage OwnStorage(const PrefixTask& task, const Communicator& ranks) {
  PrefixStorage own;
  const std::string leaders_mark = MarkOf(0, ranks.size());
  const size_t place = task.path.rfind(leaders_mark);
  TRINITY_CHECK(place != std::string::npos);
  own.path = task.path;
  own.path.replace(place, leaders_mark.size(), MarkOf(ranks.rank(), ranks.size()));
  own.identity = FnvHash(fmt::format("rank {}", ranks.rank()), task.identity);
  own.max_bytes = std::numeric_limits<int64_t>::max();  // rank 0 has chosen
  return own;
}

void Save(const PrefixTask& task, MirroredCaches& caches, const Model& model) {
  const PrefixStorage own = OwnStorage(task, model.ranks());
  std::vector<PrefixCache::Kept> states;
  for (const PrefixTask::State& state : task.states) {
    states.push_back({state.ids, &caches.At(state.cache)});
  }
  DoWithAll(model.ranks(), [&](const std::function<void()>& agree) {
    std::error_code error;
    std::filesystem::create_directories(std::filesystem::path(own.path).parent_path(), error);
    WriteStates(own, model.config().vocab_size, caches.PoolsAt(task.pools), states, agree);
  });
}

void Load(const PrefixTask& task, MirroredCaches& caches, const Model& model) {
  const PrefixStorage own = OwnStorage(task, model.ranks());
  size_t num_read = 0;
  const auto next = [&](const std::vector<int32_t>& ids) -> KvCache* {
    if (num_read == task.states.size()) return nullptr;
    const PrefixTask::State& state = task.states[num_read++];
    if (ids != state.ids) Fail("{}: has other prefixes than the file of rank 0", own.path);
    return &caches.At(state.cache);
  };
  DoWithAll(model.ranks(), [&](const std::function<void()>&) {
    ReadStates(own, model.config().vocab_size, caches.PoolsAt(task.pools),
               std::numeric_limits<int64_t>::max(), next);
    if (num_read < task.states.size()) {
      Fail("{}: has {} prefixes, fewer than the {} of rank 0", own.path, num_read,
           task.states.size());
    }
  });
}

}  // namespace

std::string PrefixPathOfLeader(const std::string& path, int num_ranks) {
  std::filesystem::path own = std::filesystem::absolute(path);
  const std::string name = own.stem().string() + MarkOf(0, num_ranks) + own.extension().string();
  return own.replace_filename(name).string();
}

void SaveOnAllRanks(const PrefixStorage& storage, const KvPools& pools,
                    std::span<const PrefixCache::Kept> states) {
  Send(PrefixTaskKind::kSave, storage, pools, states);
  DoWithAll(storage.leader->ranks(), [&](const std::function<void()>& agree) {
    WriteStates(storage, storage.leader->config().vocab_size, pools, states, agree);
  });
}

void LoadOnOtherRanks(const PrefixStorage& storage, const KvPools& pools,
                      std::span<const PrefixCache::Kept> states) {
  Send(PrefixTaskKind::kLoad, storage, pools, states);
  DoWithAll(storage.leader->ranks(), [](const std::function<void()>&) {});
}

void FollowPrefixes(const Model& model, MirroredCaches& caches, std::span<const int64_t> words) {
  const PrefixTask task = TaskOf(words);
  try {
    if (task.kind == PrefixTaskKind::kSave) {
      Save(task, caches, model);
    } else {
      Load(task, caches, model);
    }
  } catch (const RankLost&) {
    throw;
  } catch (const Error&) {  // rank 0 has heard of it, says it, and gives the caches up
  }
}

}  // namespace trinity

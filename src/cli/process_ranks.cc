#include "cli/process_ranks.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "cli/loaded_model.h"
#include "engine/rank_prefixes.h"
#include "measure/machine.h"
#include "parallel/agreement.h"
#include "parallel/gather_each.h"
#include "parallel/rank_lost.h"
#include "train/rank_gradients.h"

namespace trinity {
namespace {

ProcessRanks* of_this_process = nullptr;

// What rank 0 tells the others, as JSON; {} is the end.
void SendOrder(Communicator& group, const Json& order) {
  std::string text = order.dump();
  int64_t size = static_cast<int64_t>(text.size());
  group.Broadcast(std::as_writable_bytes(std::span(&size, 1)));
  group.Broadcast(std::as_writable_bytes(std::span(text)));
}

Json ReceiveOrder(Communicator& group) {
  int64_t size = 0;
  group.Broadcast(std::as_writable_bytes(std::span(&size, 1)), std::nullopt);
  std::string text(static_cast<size_t>(size), ' ');
  group.Broadcast(std::as_writable_bytes(std::span(text)));
  return Json::parse(text);
}

// All processes open the checkpoint, or none goes on.
Checkpoint OpenWithAll(const std::string& path, Communicator& group, Patience patience) {
  std::optional<Checkpoint> checkpoint;
  RankReport report;
  try {
    checkpoint = OpenModelCheckpoint(path);
  } catch (const Error& error) {
    report.failure = error.what();
  }
  Agree(group, report, PatienceWithFiles(patience));
  return std::move(*checkpoint);
}

void LoadAndFollow(const Json& order, Communicator& group) {
  LoadOptions options;
  options.compute = static_cast<ComputeMode>(order.at("compute").get<int>());
  options.grid = {order.at("ranks").get<int>(), order.at("expert_groups").get<int>()};
  options.rank_patience = std::chrono::milliseconds(order.at("patience_ms").get<int64_t>());
  if (const auto cache = order.find("expert_cache_bytes"); cache != order.end()) {
    options.expert_cache_bytes = cache->get<int64_t>();
  }
  std::optional<Checkpoint> checkpoint;
  std::optional<ModelGroup> model;
  try {
    checkpoint = OpenWithAll(order.at("model").get<std::string>(), group, options.rank_patience);
    model.emplace(*checkpoint, order.at("threads").get<int>(), options, group, TasksOfRanks());
  } catch (const RankLost&) {
    throw;
  } catch (const Error&) {  // all processes have heard of it, and rank 0 says it
    return;
  }
  model->Follow();
}

// On rank 0: what each process may take.
std::vector<int64_t> GatherAvailableBytes(ProcessRanks& ranks) {
  return GatherEach(ranks.group(), DescribeMachine().available_bytes / ranks.num_on_host());
}

}  // namespace

ProcessRanks::ProcessRanks(ProcessGroup group) : group_(std::move(group)) {
  of_this_process = this;
}

ProcessRanks::~ProcessRanks() {
  of_this_process = nullptr;
  try {
    if (group().is_leader()) SendOrder(group(), Json::object());
  } catch (const RankLost& lost) {
    group().GiveUp(lost.what());
  }
}

ProcessRanks* ProcessRanks::OfThisProcess() { return of_this_process; }

void ProcessRanks::Follow() {
  while (true) {
    const Json order = ReceiveOrder(group());
    if (order.empty()) return;
    if (order.contains("model")) {
      LoadAndFollow(order, group());
    } else {
      GatherAvailableBytes(*this);
    }
  }
}

RankTasks TasksOfRanks() { return {FollowGradients, FollowPrefixes}; }

int64_t LeastAvailableBytes(ProcessRanks& ranks) {
  SendOrder(ranks.group(), {{"tells", "available bytes"}});
  int64_t least = 0;
  for (const int64_t bytes : GatherAvailableBytes(ranks)) {
    if (bytes > 0) least = least == 0 ? bytes : std::min(least, bytes);
  }
  return least;
}

std::unique_ptr<ModelGroup> LoadOnProcesses(ProcessRanks& ranks, const Checkpoint& checkpoint,
                                            int threads_per_rank, const LoadOptions& options) {
  Json order = {{"model", checkpoint.path()},
                {"threads", threads_per_rank},
                {"compute", static_cast<int>(options.compute)},
                {"ranks", options.grid.num_ranks},
                {"expert_groups", options.grid.expert_groups},
                {"patience_ms", options.rank_patience->count()}};
  if (options.expert_cache_bytes) order["expert_cache_bytes"] = *options.expert_cache_bytes;
  SendOrder(ranks.group(), order);
  Agree(ranks.group(), {}, PatienceWithFiles(options.rank_patience));
  return std::make_unique<ModelGroup>(checkpoint, threads_per_rank, options, ranks.group(),
                                      TasksOfRanks());
}

}  // namespace trinity

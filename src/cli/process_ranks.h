#pragma once

#include <memory>

#include "checkpoint/checkpoint.h"
#include "model/model_group.h"
#include "parallel/communicator.h"
#include "parallel/process_group.h"

namespace trinity {

// Processes that mpirun has started: rank 0 runs the command, the others load and compute what it
// tells them to. One a process.
class ProcessRanks {
 public:
  explicit ProcessRanks(ProcessGroup group);
  ProcessRanks(const ProcessRanks&) = delete;
  ProcessRanks& operator=(const ProcessRanks&) = delete;
  ~ProcessRanks();  // on rank 0 ends the others

  // The one of this process; nullptr where mpirun has not started it.
  static ProcessRanks* OfThisProcess();

  Communicator& group() { return *group_.ranks; }
  int num_on_host() const { return group_.num_on_host; }  // processes, this one included

  // On the others: does what rank 0 says until that ends. Throws what keeps this rank from it.
  void Follow();

 private:
  ProcessGroup group_;
};

// What the other ranks of every model can be asked to do beside steps.
RankTasks TasksOfRanks();

// On rank 0, while no model is loaded: the memory, in bytes, of the process that has least, each
// having an equal part of what is available on its host; 0 where the system of none tells.
int64_t LeastAvailableBytes(ProcessRanks& ranks);

// On rank 0: has all processes load a model and returns the part that this one holds. Throws Error.
std::unique_ptr<ModelGroup> LoadOnProcesses(ProcessRanks& ranks, const Checkpoint& checkpoint,
                                            int threads_per_rank, const LoadOptions& options);

}  // namespace trinity

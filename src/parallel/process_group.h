#pragma once

#include <memory>

#include "parallel/communicator.h"

namespace trinity {

// The processes that mpirun has started together. When the group goes, it waits for the others.
struct ProcessGroup {
  std::unique_ptr<Communicator> ranks;  // nullptr where this process stands alone
  int num_on_host = 1;                  // of them, on the host of this one
};

// The group of this process. Call it once. Loads libtrinity_mpi.so: $TRINITY_MPI_PLUGIN, or beside
// the program, or in ../lib/trinity. Throws Error where there is no plug-in that works, and on all
// ranks where one is another build of the program.
ProcessGroup JoinProcessGroup();

}  // namespace trinity

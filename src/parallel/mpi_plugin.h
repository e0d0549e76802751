#pragma once

#include <cstdint>

// What the plug-in libtrinity_mpi.so offers to the program, in C so that the two need not have been
// built alike. Only the plug-in knows MPI: the program runs where there is none.

extern "C" {

struct TrinityMpiMessage {
  int peer;
  void* bytes;
  int64_t num_bytes;
};

// How long an exchange waits.
struct TrinityMpiWait {
  int64_t timeout_ms;  // -1: as long as it takes
  // Whether nothing comes from a rank any more: then nobody waits for it.
  int (*has_ended)(const void* context, int peer);
  const void* context;
  // By rank, zeros before: becomes 1 for those of messages that have not come after timeout_ms.
  uint8_t* is_late;
};

struct TrinityMpi {
  int rank;
  int size;
  // Sends and receives at once. Returns -1 when all is done, or the rank of a message that is still
  // outstanding when the wait is over.
  int (*exchange)(const TrinityMpiMessage* outgoing, int num_outgoing,
                  const TrinityMpiMessage* incoming, int num_incoming, const TrinityMpiWait* wait);
  void (*abort)();   // ends all ranks
  void (*finish)();  // when all ranks are done
};

// Begins MPI; a null pointer where it cannot.
__attribute__((visibility("default"))) const TrinityMpi* TrinityMpiBegin();
}

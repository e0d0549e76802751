#include "parallel/mpi_plugin.h"

#define OMPI_SKIP_MPICXX
#include <mpi.h>

#include <chrono>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

// Polling keeps a core busy, and is what makes short waits short; a rank that waits longer than
// this leaves the core to others.
constexpr auto kBusyFor = std::chrono::milliseconds(2);
constexpr auto kNap = std::chrono::microseconds(100);
// How often it is asked whether those who are waited for are still there.
constexpr auto kLookInterval = std::chrono::milliseconds(20);

// Messages on their way.
struct Outstanding {
  // The first whose rank is one of those that `is_asked_for` names; -1: there is none.
  template <typename IsAskedFor>
  int FirstOf(const IsAskedFor& is_asked_for) {
    for (size_t i = 0; i < requests.size(); ++i) {
      if (requests[i] == MPI_REQUEST_NULL || !is_asked_for(peers[i])) continue;
      int is_done = 0;  // by what came before the rank ended
      MPI_Test(&requests[i], &is_done, MPI_STATUS_IGNORE);
      if (is_done == 0) return peers[i];
    }
    return -1;
  }

  // Marks the rank of each, by rank. Returns one of them; -1: there is none.
  int MarkLate(uint8_t* is_late) {
    const int first = FirstOf([](int) { return true; });
    for (int peer = first; peer >= 0;
         peer = FirstOf([&](int other) { return is_late[other] == 0; })) {
      is_late[peer] = 1;
    }
    return first;
  }

  std::vector<MPI_Request> requests;
  std::vector<int> peers;
};

// Until all is done: -1, or the rank of a message that is not.
int Await(Outstanding& messages, const TrinityMpiWait& wait) {
  std::vector<MPI_Request>& requests = messages.requests;
  const Clock::time_point start = Clock::now();
  Clock::time_point next_look = start + kLookInterval;
  while (true) {
    int is_done = 0;
    MPI_Testall(static_cast<int>(requests.size()), requests.data(), &is_done, MPI_STATUSES_IGNORE);
    if (is_done != 0) return -1;
    const Clock::time_point now = Clock::now();
    if (wait.timeout_ms >= 0 && now - start > std::chrono::milliseconds(wait.timeout_ms)) {
      return messages.MarkLate(wait.is_late);
    }
    if (now >= next_look) {
      const int ended =
          messages.FirstOf([&](int peer) { return wait.has_ended(wait.context, peer) != 0; });
      if (ended >= 0) return ended;
      next_look = now + kLookInterval;
    }
    if (now - start < kBusyFor) {
      std::this_thread::yield();
    } else {
      std::this_thread::sleep_for(kNap);
    }
  }
}

int Exchange(const TrinityMpiMessage* outgoing, int num_outgoing, const TrinityMpiMessage* incoming,
             int num_incoming, const TrinityMpiWait* wait) {
  constexpr int kTag = 1;
  Outstanding messages;
  std::vector<MPI_Request>& requests = messages.requests;
  std::vector<int>& peers = messages.peers;
  requests.reserve(static_cast<size_t>(num_outgoing) + static_cast<size_t>(num_incoming));
  for (int i = 0; i < num_incoming; ++i) {
    const TrinityMpiMessage& message = incoming[i];
    MPI_Irecv(message.bytes, static_cast<int>(message.num_bytes), MPI_BYTE, message.peer, kTag,
              MPI_COMM_WORLD, &requests.emplace_back());
    peers.push_back(message.peer);
  }
  for (int i = 0; i < num_outgoing; ++i) {
    const TrinityMpiMessage& message = outgoing[i];
    MPI_Isend(message.bytes, static_cast<int>(message.num_bytes), MPI_BYTE, message.peer, kTag,
              MPI_COMM_WORLD, &requests.emplace_back());
    peers.push_back(message.peer);
  }
  return Await(messages, *wait);
}

void Abort() { MPI_Abort(MPI_COMM_WORLD, 1); }

void Finish() { MPI_Finalize(); }

}  // namespace

const TrinityMpi* TrinityMpiBegin() {
  static TrinityMpi mpi = {0, 0, Exchange, Abort, Finish};
  int provided = 0;
  // Whichever thread runs the model communicates, one at a time.
  if (MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &provided) != MPI_SUCCESS ||
      provided < MPI_THREAD_SERIALIZED) {
    return nullptr;
  }
  MPI_Comm_rank(MPI_COMM_WORLD, &mpi.rank);
  MPI_Comm_size(MPI_COMM_WORLD, &mpi.size);
  return &mpi;
}

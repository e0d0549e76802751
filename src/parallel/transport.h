#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "parallel/communicator.h"

namespace trinity {

// Bytes for, or from, another rank.
struct OutgoingMessage {
  int to;
  std::span<const std::byte> bytes;
};
struct IncomingMessage {
  int from;
  std::span<std::byte> bytes;  // as many as are sent
};

// Moves bytes between processes. What one rank sends another arrives in the order of sending.
class Transport {
 public:
  virtual ~Transport() = default;

  virtual int rank() const = 0;
  virtual int size() const = 0;

  // Sends and receives all of them at once, and returns when that is done. Throws RankLost, which
  // names a rank that is still awaited, when `patience` is at its end.
  virtual void Exchange(std::span<const OutgoingMessage> outgoing,
                        std::span<const IncomingMessage> incoming, Patience patience) = 0;

  // Ends the processes of all ranks, this one too.
  [[noreturn]] virtual void Abort(std::string_view reason) = 0;
};

}  // namespace trinity

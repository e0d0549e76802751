#pragma once

#include <string>

#include "parallel/communicator.h"

namespace trinity {

// What a rank says of itself before a group begins its work.
struct RankReport {
  std::string identity;  // the same text on all ranks, or they must not work together
  std::string failure;   // why it cannot take part; empty: it can
};

// Returns on all ranks, or throws Error on all with the message of the first rank that failed or
// differs from rank 0. Waits for ranks that are still at work, and throws RankLost where one ends
// or is late. Texts of more than 1,023 bytes are cut, and end with "...".
void Agree(Communicator& ranks, const RankReport& report, Patience patience);

// How long to wait where the others read or write files, in which this rank took `own`. A disk may
// be slower than another, but who takes ten times as long and has ten times `of_step` hangs.
Patience PatienceWithFiles(Patience of_step, std::chrono::milliseconds own = {});

}  // namespace trinity

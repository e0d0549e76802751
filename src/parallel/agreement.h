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
// differs from rank 0. Waits for ranks that are still at work, by default as long as it takes, and
// throws RankLost where one ends. Texts of more than 1,023 bytes are cut, and end with "...".
void Agree(Communicator& ranks, const RankReport& report, Patience patience = std::nullopt);

}  // namespace trinity

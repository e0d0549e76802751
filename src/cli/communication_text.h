#pragma once

#include <string>

#include "base/json.h"
#include "parallel/communicator.h"

namespace trinity {

// What a rank has spent on communication so far, by operation. Of one rank: empty.
Json CommunicationJson(const Communicator& ranks);
std::string CommunicationText(const Communicator& ranks);

}  // namespace trinity

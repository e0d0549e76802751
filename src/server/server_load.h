#pragma once

#include <cstdint>

namespace trinity {

// What a server holds before the engine knows of it.
struct ServerLoad {
  int64_t num_connections = 0;
  int64_t num_unread_requests = 0;  // arrived whole, and nobody has begun to read the body
};

}  // namespace trinity

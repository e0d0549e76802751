#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace trinity {

// What a client may take of the server, in bytes, time and number.
struct HttpLimits {
  size_t header_bytes = size_t{16} << 10;
  size_t body_bytes = size_t{8} << 20;
  int64_t num_connections = 256;
  // Of a streamed answer that the client does not read, beside its largest event; beyond it the
  // connection is closed.
  size_t unsent_bytes = size_t{4} << 20;

  std::chrono::milliseconds header_timeout{10'000};  // from the first byte, or from connecting
  std::chrono::milliseconds body_timeout{60'000};    // from the end of the header
  std::chrono::milliseconds idle_timeout{75'000};    // between two requests
  std::chrono::milliseconds write_timeout{30'000};   // for each 64 KiB of an answer
  std::chrono::milliseconds heartbeat{10'000};       // without a byte of a streamed answer
};

}  // namespace trinity

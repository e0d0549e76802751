#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "engine/engine_stats.h"
#include "server/http_exchange.h"
#include "server/request_record.h"
#include "server/server_load.h"

namespace trinity {

// Counts and times of what the server does, in the text format of Prometheus. Threads may share it.
class ServerMetrics {
 public:
  ServerMetrics();
  ServerMetrics(const ServerMetrics&) = delete;
  ServerMetrics& operator=(const ServerMetrics&) = delete;
  ~ServerMetrics();

  // `route`: one of those that exist, or "other".
  void Count(std::string_view route, const HttpOutcome& outcome, const RequestRecord::Facts& facts);

  // With what the engine says now.
  std::string Render(const EngineStats& stats, const ServerLoad& load);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace trinity

#pragma once

#include <memory>
#include <optional>
#include <string>

#include "server/http_exchange.h"
#include "server/request_record.h"

namespace trinity {

// One line of JSON for each request, and for what else the server has to say. Lines are written by
// a thread of their own, so that a slow disk or pipe holds nobody up; where it is too slow, the
// oldest lines are lost. Threads may share it.
class AccessLog {
 public:
  // `path`: a file to append to; absent: stderr. Throws Error.
  explicit AccessLog(const std::optional<std::string>& path);
  AccessLog(const AccessLog&) = delete;
  AccessLog& operator=(const AccessLog&) = delete;
  ~AccessLog();  // after the last line

  void Write(const HttpRequest& request, const HttpOutcome& outcome,
             const RequestRecord::Facts& facts);
  void WriteEvent(const std::string& event);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace trinity

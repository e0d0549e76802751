#pragma once

#include <optional>
#include <string>

#include "load/load_failure.h"
#include "load/response_listener.h"

namespace trinity {

// Listens to a response that is read at once, at most 64 MiB of it.
class WholeResponse : public ResponseListener {
 public:
  void OnHead(int status, const std::string& content_type) override;
  void OnBody(std::string_view bytes) override;
  void OnEnd(const LoadFailure* failure) override;

  int status() const { return status_; }
  const std::string& body() const { return body_; }
  const std::optional<LoadFailure>& failure() const { return failure_; }

 private:
  int status_ = 0;
  std::string body_;
  std::optional<LoadFailure> failure_;
};

}  // namespace trinity

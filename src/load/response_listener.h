#pragma once

#include <string>
#include <string_view>

namespace trinity {

class LoadFailure;

// Hears of the response to one request. What OnHead and OnBody throw ends the request, and comes
// back as its failure.
class ResponseListener {
 public:
  ResponseListener() = default;
  ResponseListener(const ResponseListener&) = delete;
  ResponseListener& operator=(const ResponseListener&) = delete;
  virtual ~ResponseListener() = default;

  virtual void OnHead(int status, const std::string& content_type) = 0;
  virtual void OnBody(std::string_view bytes) = 0;
  // Once, and nothing after it. failure: null where the response is complete.
  virtual void OnEnd(const LoadFailure* failure) = 0;
};

}  // namespace trinity

#pragma once

#include <cstdint>
#include <mutex>
#include <string>

#include "server/reply_json.h"

namespace trinity {

// What becomes known of a request while it is answered, for the log and the metrics. Threads may
// share it.
class RequestRecord {
 public:
  struct Facts {
    std::string id;
    ReplyUsage usage;
    ReplyTimes times;
    std::string finish;    // "stop", "length", "cancelled", or the message of an error
    std::string sampling;  // the values that tokens are picked with, the seed too
    std::string miss;      // why no more of the prompt was cached, as metrics name it
    std::string prompt;    // where prompts are logged
  };

  explicit RequestRecord(std::string id) { facts_.id = std::move(id); }

  template <class Change>
  void Update(Change change) {
    const std::lock_guard<std::mutex> lock(mutex_);
    change(facts_);
  }
  Facts facts() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return facts_;
  }

 private:
  mutable std::mutex mutex_;
  Facts facts_;
};

}  // namespace trinity

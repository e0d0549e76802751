#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace trinity {

// Cuts the body of a text/event-stream (WHATWG HTML, section 9.2.6) into the data of its events.
// Comments and fields other than "data" are read over.
class EventStreamReader {
 public:
  // The data of each event that `bytes` completes. Throws LoadFailure for an event beyond
  // 16 MiB.
  std::vector<std::string> Append(std::string_view bytes);

 private:
  void TakeLine(std::string_view line, std::vector<std::string>& events);

  std::string line_;  // as far as it has come
  bool ended_with_return_ = false;
  std::string data_;
  bool has_data_ = false;
};

}  // namespace trinity

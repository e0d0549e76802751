#include "load/event_stream_reader.h"

#include <fmt/format.h>

#include <utility>

#include "load/load_failure.h"

namespace trinity {
namespace {

constexpr size_t kMostEventBytes = size_t{16} << 20;

}  // namespace

std::vector<std::string> EventStreamReader::Append(std::string_view bytes) {
  std::vector<std::string> events;
  for (size_t begin = 0; begin < bytes.size();) {
    // Lines end with "\r\n", "\n" or "\r".
    if (std::exchange(ended_with_return_, false) && bytes[begin] == '\n') {
      ++begin;
      continue;
    }
    const size_t end = bytes.find_first_of("\r\n", begin);
    line_ += bytes.substr(begin, end - begin);
    if (line_.size() + data_.size() > kMostEventBytes) {
      throw LoadFailure("event too long",
                        fmt::format("expected events of at most {} bytes", kMostEventBytes));
    }
    if (end == std::string_view::npos) break;
    ended_with_return_ = bytes[end] == '\r';
    TakeLine(line_, events);
    line_.clear();
    begin = end + 1;
  }
  return events;
}

void EventStreamReader::TakeLine(std::string_view line, std::vector<std::string>& events) {
  if (line.empty()) {
    if (std::exchange(has_data_, false)) events.push_back(std::exchange(data_, std::string()));
    return;
  }
  const size_t colon = line.find(':');
  if (line.substr(0, colon) != "data") return;
  std::string_view value;
  if (colon != std::string_view::npos) value = line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (std::exchange(has_data_, true)) data_ += '\n';
  data_ += value;
}

}  // namespace trinity

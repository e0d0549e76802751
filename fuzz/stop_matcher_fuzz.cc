// StopMatcher against its definition, for every way to cut the text. The input is stop strings, one
// a line, then the text; how it is cut follows from its own bytes.

#include <algorithm>

#include "base/check.h"
#include "fuzz/input_parts.h"
#include "fuzz/refusal.h"
#include "generate/stop_matcher.h"

namespace trinity {
namespace {

struct Expected {
  std::string released;
  std::optional<std::string> stop;
};

// The match that ends first, of those the longest; before it everything is released.
Expected NaiveMatch(const std::vector<std::string>& stops, std::string_view text) {
  for (size_t end = 1; end <= text.size(); ++end) {
    const std::string* longest = nullptr;
    for (const std::string& stop : stops) {
      if (!text.substr(0, end).ends_with(stop)) continue;
      if (longest == nullptr || stop.size() > longest->size()) longest = &stop;
    }
    if (longest != nullptr) return {std::string(text.substr(0, end - longest->size())), *longest};
  }
  return {std::string(text), std::nullopt};
}

void CheckCut(const std::vector<std::string>& stops, std::string_view text, size_t most) {
  const Expected expected = NaiveMatch(stops, text);
  StopMatcher matcher(stops);
  std::string released;
  for (size_t at = 0; at < text.size();) {
    const size_t size = std::min(text.size() - at, 1 + static_cast<uint8_t>(text[at]) % most);
    released += matcher.Append(text.substr(at, size));
    // Nothing of a stop string, and nothing that would have to be taken back.
    TRINITY_CHECK(expected.released.starts_with(released));
    at += size;
  }
  released += matcher.Finish();
  TRINITY_CHECK(released == expected.released);
  TRINITY_CHECK(matcher.matched_stop() == expected.stop);
}

}  // namespace
}  // namespace trinity

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace trinity;  // NOLINT(google-build-using-namespace)
  const std::vector<std::string_view> parts = InputParts(data, size, 2);
  std::vector<std::string> stops;
  for (std::string_view rest = parts[0]; !rest.empty() && stops.size() < 32;) {
    const size_t end = rest.find('\n');
    stops.emplace_back(rest.substr(0, end));
    rest = end == rest.npos ? std::string_view() : rest.substr(end + 1);
  }
  const std::string_view text = parts[1].substr(0, 1024);
  Accepts([&] {
    for (const size_t most : {size_t{1}, size_t{3}, size_t{2000}}) CheckCut(stops, text, most);
  });
  return 0;
}

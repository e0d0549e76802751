// What people see of an answer while it comes, in pieces, against what is kept of the whole. The
// first byte says whether the prompt opened the reasoning; how the rest is cut follows from its own
// bytes.

#include "base/check.h"
#include "chat/reasoning.h"
#include "fuzz/input_parts.h"

namespace trinity {
namespace {

ReasonedAnswer Shown(std::string_view text, bool begins_in_reasoning, size_t most) {
  ReasonedAnswer shown;
  const auto take = [&](const std::vector<ReasoningStream::Part>& parts) {
    for (const ReasoningStream::Part& part : parts) {
      TRINITY_CHECK(!part.text.empty());
      TRINITY_CHECK(!part.is_reasoning || shown.content.empty());
      (part.is_reasoning ? shown.reasoning : shown.content) += part.text;
    }
  };
  ReasoningStream stream(begins_in_reasoning);
  for (size_t at = 0; at < text.size();) {
    const size_t size = 1 + static_cast<uint8_t>(text[at]) % most;
    take(stream.Append(text.substr(at, size)));
    at += size;
  }
  take(stream.Finish());
  return shown;
}

void CheckAnswer(std::string_view text, bool begins_in_reasoning) {
  ReasonedAnswer expected = SplitReasoning(text, begins_in_reasoning);
  const size_t first = text.find_first_not_of(" \t\r\n");
  const bool opens = first != text.npos && text.substr(first).starts_with("<think>");
  // Without an opening tag only the whole answer tells that its beginning was reasoning.
  if (!opens && !begins_in_reasoning) expected = {"", std::string(text)};
  for (const size_t most : {size_t{1}, size_t{4}, size_t{10'000}}) {
    const ReasonedAnswer shown = Shown(text, begins_in_reasoning, most);
    TRINITY_CHECK(shown.reasoning == expected.reasoning && shown.content == expected.content);
  }
}

}  // namespace
}  // namespace trinity

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input = trinity::InputText(data, size);
  trinity::BeginsInReasoning(input);
  if (!input.empty()) trinity::CheckAnswer(input.substr(1), input[0] == 'r');
  return 0;
}

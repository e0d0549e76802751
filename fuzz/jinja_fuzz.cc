// A template and, as JSON, its context, against limits: whatever the template says, rendering ends
// within the steps, and neither output nor memory grows beyond what is allowed.

#include <nlohmann/json.hpp>

#include "base/check.h"
#include "base/utf8.h"
#include "chat/jinja/jinja_template.h"
#include "fuzz/input_parts.h"
#include "fuzz/refusal.h"

namespace trinity {
namespace {

jinja::RenderLimits SmallLimits() {
  jinja::RenderLimits limits;
  limits.max_steps = 200'000;
  limits.max_output_bytes = size_t{1} << 20;
  limits.max_string_bytes = size_t{1} << 20;
  limits.max_items = 20'000;
  limits.max_memory_bytes = size_t{8} << 20;
  return limits;
}

std::tm FixedTime() {
  std::tm time{};
  time.tm_year = 126;
  time.tm_mday = 1;
  return time;
}

void CheckTemplate(const std::vector<std::string_view>& parts) {
  static const jinja::RenderLimits limits = SmallLimits();
  Accepts([&] {
    const auto compiled = jinja::JinjaTemplate::Parse(parts[0], "input");
    Json context = Json::object();
    if (!parts[1].empty()) context = ParseJson(parts[1], "context");
    if (!context.is_object()) return;
    const std::string output = compiled.Render(context, limits, FixedTime);
    TRINITY_CHECK(IsUtf8(output) && output.size() <= limits.max_output_bytes);
    TRINITY_CHECK(compiled.Render(context, limits, FixedTime) == output);
  });
}

}  // namespace
}  // namespace trinity

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  trinity::CheckTemplate(trinity::InputParts(data, size, 2));
  return 0;
}

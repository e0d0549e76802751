// config.json.

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/check.h"
#include "fuzz/input_parts.h"
#include "fuzz/refusal.h"
#include "model/config.h"

namespace trinity {
namespace {

// What the code behind the config takes for granted.
void CheckConfig(const Config& config) {
  TRINITY_CHECK(config.num_hidden_layers > 0 && config.head_dim > 0);
  TRINITY_CHECK(config.num_attention_heads % config.num_key_value_heads == 0);
  TRINITY_CHECK(config.num_experts_per_tok <= config.num_experts);
  TRINITY_CHECK(std::isfinite(config.route_scale) && config.rms_norm_eps > 0);
  TRINITY_CHECK(static_cast<int64_t>(config.layer_types.size()) == config.num_hidden_layers);
  const std::vector<LayerPlan> plans = PlanLayers(config);
  TRINITY_CHECK(plans.size() == config.layer_types.size());
  for (size_t i = 0; i < plans.size(); ++i) {
    TRINITY_CHECK(!NameOf(plans[i].attention).empty() && !NameOf(plans[i].feed_forward).empty());
    const bool slides = plans[i].attention == AttentionKind::kSliding;
    TRINITY_CHECK(slides == plans[i].uses_rope && slides == plans[i].window.has_value());
    TRINITY_CHECK(!slides || *plans[i].window > 0);
  }
  TRINITY_CHECK(config.num_layers_of(AttentionKind::kSliding) +
                    config.num_layers_of(AttentionKind::kFull) ==
                config.num_hidden_layers);
}

}  // namespace
}  // namespace trinity

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace trinity;  // NOLINT(google-build-using-namespace)
  Accepts([&] {
    const Json json = ParseJson(InputText(data, size), "config.json");
    CheckConfig(Config::FromJson(json, "config.json"));
  });
  return 0;
}

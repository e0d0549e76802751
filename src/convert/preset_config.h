#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace trinity {

// The names of the presets, smallest first: nano, mini, large.
std::vector<std::string> PresetNames();

// config.json of the released Trinity of that name. Some of Large's values were not published and
// are assumed: route_scale 2.826, rms_norm_eps 1e-5, mup_enabled, the score and group fields, rope,
// the layer types from entry 40 on, and 262144 positions (those of Preview and Thinking). Throws
// UsageError where there is no such preset.
Json PresetConfig(std::string_view name);

}  // namespace trinity

#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace trinity {

// One bar of a chart: how near something comes to the roof.
struct RoofBar {
  std::string label;  // "decode, depth 8,192"
  std::string value;  // "31.2 tokens/s"
  double share;       // of the roof, in [0, 1]
};

// The bars below each other as an SVG image, with the roof as a line at 100%.
std::string RoofChartSvg(std::string_view title, std::string_view subtitle,
                         const std::vector<RoofBar>& bars);

}  // namespace trinity

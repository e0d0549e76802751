#include "cli/roof_chart.h"

#include <fmt/format.h>

#include <algorithm>

namespace trinity {
namespace {

// Pixels.
constexpr int kWidth = 860;
constexpr int kLabelWidth = 230;
constexpr int kScaleWidth = 420;
constexpr int kTop = 84;
constexpr int kRowHeight = 26;
constexpr int kBarHeight = 16;
constexpr int kBottom = 18;

std::string Escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string Text(int x, int y, std::string_view style, std::string_view text) {
  return fmt::format("<text x=\"{}\" y=\"{}\" {}>{}</text>\n", x, y, style, Escaped(text));
}

std::string BarSvg(const RoofBar& bar, int y) {
  const double share = std::clamp(bar.share, 0.0, 1.0);
  const int length = std::max(1, static_cast<int>(share * kScaleWidth + 0.5));
  const int text_y = y + kBarHeight - 4;
  std::string svg = Text(kLabelWidth - 10, text_y, "text-anchor=\"end\"", bar.label);
  svg += fmt::format(
      "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"#e8edf2\"/>\n"
      "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"#2b6cb0\"/>\n",
      kLabelWidth, y, kScaleWidth, kBarHeight, kLabelWidth, y, length, kBarHeight);
  return svg + Text(kLabelWidth + kScaleWidth + 10, text_y, "",
                    fmt::format("{}, {:.0f}%", bar.value, 100 * bar.share));
}

}  // namespace

std::string RoofChartSvg(std::string_view title, std::string_view subtitle,
                         const std::vector<RoofBar>& bars) {
  const int rows_height = static_cast<int>(bars.size()) * kRowHeight;
  const int height = kTop + rows_height + kBottom;
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" "
      "viewBox=\"0 0 {0} {1}\" font-family=\"sans-serif\" font-size=\"12\" fill=\"#1a202c\">\n"
      "<rect width=\"{0}\" height=\"{1}\" fill=\"#ffffff\"/>\n",
      kWidth, height);
  svg += Text(16, 26, "font-size=\"16\" font-weight=\"bold\"", title);
  svg += Text(16, 46, "fill=\"#4a5568\"", subtitle);
  for (int percent = 0; percent <= 100; percent += 25) {
    const int x = kLabelWidth + kScaleWidth * percent / 100;
    svg +=
        Text(x, kTop - 10, "text-anchor=\"middle\" fill=\"#4a5568\"", fmt::format("{}%", percent));
  }
  for (size_t i = 0; i < bars.size(); ++i) {
    svg += BarSvg(bars[i], kTop + static_cast<int>(i) * kRowHeight);
  }
  svg += fmt::format(
      "<line x1=\"{0}\" y1=\"{1}\" x2=\"{0}\" y2=\"{2}\" stroke=\"#c53030\" stroke-width=\"2\"/>\n",
      kLabelWidth + kScaleWidth, kTop - 4, kTop + rows_height);
  return svg + "</svg>\n";
}

}  // namespace trinity

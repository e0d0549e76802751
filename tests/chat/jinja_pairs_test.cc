#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"
#include "chat/jinja/jinja_template.h"
#include "tests/support/paths.h"

namespace trinity::jinja {
namespace {

// The moment that tools/jinja_pairs gives to strftime_now: Friday, 26 July 2024, 13:05:09.
std::tm FixedTime() {
  std::tm time{};
  time.tm_year = 124;
  time.tm_mon = 6;
  time.tm_mday = 26;
  time.tm_hour = 13;
  time.tm_min = 5;
  time.tm_sec = 9;
  time.tm_wday = 5;
  time.tm_yday = 207;
  return time;
}

// The output, or null and the message in `error`.
Json RenderOrNull(const std::string& text, const Json& context, std::string& error) {
  try {
    return JinjaTemplate::Parse(text, "pair").Render(context, {}, FixedTime);
  } catch (const Error& e) {
    error = e.what();
    return nullptr;
  }
}

// Compares every pair of a file that tools/jinja_pairs/make_jinja_pairs.py wrote; returns how many.
size_t CheckPairs(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  const Json contexts = Json::parse(line).at("contexts");
  size_t num_pairs = 0;
  while (std::getline(file, line)) {
    const Json pair = Json::parse(line);
    const Json& context = contexts.at(pair.at(1).get<size_t>());
    std::string error = "none";
    const Json output = RenderOrNull(pair.at(0).get<std::string>(), context, error);
    EXPECT_EQ(output, pair.at(2)) << "line " << num_pairs + 2 << ", error: " << error << "\n"
                                  << pair.at(0).get<std::string>();
    ++num_pairs;
  }
  return num_pairs;
}

TEST(JinjaPairs, RandomTemplatesRenderAsPythonsJinja2) {
  EXPECT_GE(CheckPairs(TestData("chat/jinja_pairs.jsonl")), 5000u);
}

TEST(JinjaPairs, TemplatesInTheStylesOfPublicModelsRenderAsPythonsJinja2) {
  EXPECT_GE(CheckPairs(TestData("chat/jinja_styles.jsonl")), 80u);
}

}  // namespace
}  // namespace trinity::jinja

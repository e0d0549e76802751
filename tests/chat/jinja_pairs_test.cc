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

// What jinja2 made of one template and one context; null where it failed.
void CheckOutput(const std::string& text, const Json& context, const Json& expected) {
  std::string error = "none";
  const Json output = RenderOrNull(text, context, error);
  EXPECT_EQ(output, expected) << "error: " << error << ", template:\n"
                              << text << "\nmessages: " << context.at("messages");
}

// Compares every output of a file that tools/jinja_pairs/make_jinja_pairs.py wrote; returns how
// many there are.
size_t CheckPairs(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  const Json contexts = Json::parse(line).at("contexts");
  size_t num_outputs = 0;
  while (std::getline(file, line)) {
    const Json pair = Json::parse(line);
    const auto text = pair.at(0).get<std::string>();
    if (!pair.at(1).is_array()) {
      CheckOutput(text, contexts.at(pair.at(1).get<size_t>()), pair.at(2));
      ++num_outputs;
      continue;
    }
    EXPECT_EQ(pair.at(1).size(), contexts.size());
    for (size_t i = 0; i < contexts.size(); ++i) CheckOutput(text, contexts[i], pair.at(1).at(i));
    num_outputs += contexts.size();
  }
  return num_outputs;
}

TEST(JinjaPairs, RandomTemplatesRenderAsPythonsJinja2) {
  EXPECT_GE(CheckPairs(TestData("chat/jinja_pairs.jsonl")), 5000u);
}

TEST(JinjaPairs, TemplatesInTheStylesOfPublicModelsRenderAsPythonsJinja2) {
  EXPECT_GE(CheckPairs(TestData("chat/jinja_styles.jsonl")), 1000u);
}

TEST(JinjaPairs, DetailsOfTheLanguageAreThoseOfPythonsJinja2) {
  EXPECT_GE(CheckPairs(TestData("chat/jinja_details.jsonl")), 350u);
}

}  // namespace
}  // namespace trinity::jinja

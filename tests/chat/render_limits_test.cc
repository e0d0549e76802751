#include "chat/jinja/render_limits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"
#include "chat/jinja/jinja_template.h"

namespace trinity::jinja {
namespace {

using testing::AnyOf;
using testing::HasSubstr;

std::string Repeat(std::string_view text, size_t times) {
  std::string out;
  for (size_t i = 0; i < times; ++i) out += text;
  return out;
}

std::string Render(std::string_view text, const RenderLimits& limits = {}) {
  return JinjaTemplate::Parse(text, "t").Render(Json::object(), limits);
}

std::string ErrorOf(std::string_view text, const RenderLimits& limits = {}) {
  try {
    return "no error: " + Render(text, limits).substr(0, 100);
  } catch (const Error& e) {
    return e.what();
  }
}

TEST(RenderLimits, NestedLoopsEndAtTheLimitOfSteps) {
  const std::string loop = "{% for x in range(99999) %}";
  EXPECT_THAT(ErrorOf(Repeat(loop, 3) + "x" + Repeat("{% endfor %}", 3)),
              AnyOf(HasSubstr("steps"), HasSubstr("output")));
}

TEST(RenderLimits, HugeRangesAreRefused) {
  EXPECT_THAT(ErrorOf("{{ range(1000000000) }}"), HasSubstr("a range of 1000000000 items"));
  EXPECT_THAT(ErrorOf("{{ range(-(10 ** 30), 10 ** 30) }}"), HasSubstr("a range of"));
}

TEST(RenderLimits, HugeRepetitionsAreRefused) {
  EXPECT_THAT(ErrorOf("{{ 'x' * 1000000000 }}"), HasSubstr("a repetition"));
  EXPECT_THAT(ErrorOf("{{ [0] * 10 ** 30 }}"), HasSubstr("a repetition"));
  EXPECT_THAT(ErrorOf("{{ 'x'.center(10 ** 12) }}"), HasSubstr("characters"));
  EXPECT_THAT(ErrorOf("{{ '%999999999d' % 1 }}"), HasSubstr("width"));
  EXPECT_THAT(ErrorOf("{{ '{:999999999}'.format(1) }}"), HasSubstr("width"));
  EXPECT_THAT(ErrorOf("{{ 'x'.zfill(10 ** 15) }}"), HasSubstr("bytes"));
}

TEST(RenderLimits, DoublingStringsEndsAtALimit) {
  EXPECT_THAT(ErrorOf("{% set ns = namespace(s='x' * 1000) %}"
                      "{% for i in range(100) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}"),
              HasSubstr("bytes"));
}

TEST(RenderLimits, ManyLargeStringsEndAtTheLimitOfMemory) {
  RenderLimits limits;
  limits.max_memory_bytes = 1 << 20;
  EXPECT_THAT(ErrorOf("{% set ns = namespace(l=[]) %}{% for i in range(1000) %}"
                      "{% set ns.l = ns.l + ['x' * 10000 ~ i] %}{% endfor %}",
                      limits),
              HasSubstr("values take more than"));
}

TEST(RenderLimits, OutputEndsAtItsLimit) {
  RenderLimits limits;
  limits.max_output_bytes = 100;
  EXPECT_THAT(ErrorOf("{% for i in range(99) %}xx{% endfor %}", limits), HasSubstr("output"));
}

TEST(RenderLimits, MacrosThatCallThemselvesEndAtTheLimitOfDepth) {
  EXPECT_THAT(ErrorOf("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}"), HasSubstr("deeper"));
  EXPECT_THAT(ErrorOf("{% for x in [[1]] recursive %}{{ loop([[1]]) }}{% endfor %}"),
              HasSubstr("deeper"));
}

TEST(RenderLimits, DeepNestingOfBracketsIsRefused) {
  for (const char* bracket : {"(", "[", "{1:", "-", "not ", "x(", "x[", "x|f(", "1 if ", "(1,"}) {
    EXPECT_THAT(ErrorOf("{{ " + Repeat(bracket, 60000)), HasSubstr("deeper")) << bracket;
  }
}

TEST(RenderLimits, LongChainsAreRefused) {
  for (const char* link : {".a", "|upper", " + 1", "(1)", " or 1", " ** 1", "[0]"}) {
    EXPECT_THAT(ErrorOf("{{ 1" + Repeat(link, 60000) + " }}"), HasSubstr("deeper")) << link;
  }
}

TEST(RenderLimits, DeepNestingOfTagsIsRefused) {
  for (const char* tag : {"{% if 1 %}", "{% for x in y %}", "{% filter e %}", "{% set x %}",
                          "{% macro m() %}", "{% with %}", "{% generation %}"}) {
    EXPECT_THAT(ErrorOf(Repeat(tag, 60000)), HasSubstr("deeper")) << tag;
  }
}

TEST(RenderLimits, InternalsOfObjectsCannotBeReached) {
  EXPECT_EQ(Render("{{ ''.__class__ }}|{{ {}.__class__ is defined }}"), "|False");
  EXPECT_THAT(ErrorOf("{{ ''.__class__.__mro__ }}"), HasSubstr("unsafe"));
  EXPECT_THAT(ErrorOf("{{ ''['__class__']['__base__'] }}"), HasSubstr("unsafe"));
  EXPECT_EQ(Render("{{ ''|attr('__class__')|attr('__mro__') }}"), "");
  EXPECT_THAT(ErrorOf("{{ '{0.__class__.__mro__}'.format('') }}"), HasSubstr("unsafe"));
  EXPECT_THAT(ErrorOf("{{ [0]|map(attribute='__class__.x')|list }}"), HasSubstr("unsafe"));
}

TEST(RenderLimits, ChainsOfObjectsOfAnyLengthAreDestroyed) {
  EXPECT_EQ(Render("{% set ns = namespace(n=none) %}{% for i in range(99999) %}"
                   "{% set ns.n = namespace(n=ns.n) %}{% endfor %}ok"),
            "ok");
  EXPECT_EQ(Render("{% set ns = namespace(n=[]) %}{% for i in range(99999) %}"
                   "{% set ns.n = ns.n|map('string') %}{% endfor %}ok"),
            "ok");
  EXPECT_EQ(Render("{% set ns = namespace(n=none) %}{% for i in range(9999) %}"
                   "{% for x in [ns.n] %}{% set ns.n = loop %}{% endfor %}{% endfor %}ok"),
            "ok");
}

TEST(RenderLimits, DeepContainersAreRefused) {
  EXPECT_THAT(ErrorOf("{% set ns = namespace(n=[]) %}{% for i in range(99999) %}"
                      "{% set ns.n = [ns.n] %}{% endfor %}"),
              HasSubstr("nest deeper"));
}

TEST(RenderLimits, NamespacesInThemselvesNeitherLeakNorRecurseForever) {
  EXPECT_THAT(ErrorOf("{% set ns = namespace() %}{% set ns.me = [ns] %}{{ ns }}"),
              HasSubstr("deeper"));
}

TEST(RenderLimits, SharedContainersDoNotMultiplyWork) {
  const std::string grow =
      "{% set ns = namespace(a=[1], b=[1]) %}{% for i in range(60) %}"
      "{% set ns.a = [ns.a, ns.a] %}{% set ns.b = [ns.b, ns.b] %}{% endfor %}";
  EXPECT_THAT(ErrorOf(grow + "{{ ns.a == ns.b }}"), HasSubstr("steps"));
  EXPECT_THAT(ErrorOf(grow + "{{ ns.a }}"), AnyOf(HasSubstr("steps"), HasSubstr("bytes")));
  EXPECT_THAT(ErrorOf(grow + "{{ ns.a|tojson }}"), AnyOf(HasSubstr("steps"), HasSubstr("bytes")));
}

TEST(RenderLimits, SearchesTakeTimeInProportionToTheText) {
  EXPECT_EQ(Render("{% set a = 'a' * 2000000 %}{{ (a ~ 'b') in (a ~ a) }}"
                   "{{ (a ~ a).rfind('b' ~ a) }}{{ (a ~ a).split(a ~ 'b')|length }}"),
            "False-11");
}

TEST(RenderLimits, VeryManyNamesAndConditionsAreRefused) {
  std::string text;
  for (int i = 0; i < 20000; ++i) text += "{{ a" + std::to_string(i) + " }}";
  EXPECT_THAT(ErrorOf(text + Repeat("{% if a1 %}{% endif %}", 20000)), HasSubstr("too many"));
}

TEST(RenderLimits, TemplatesOfMegabytesAreRefused) {
  EXPECT_THAT(ErrorOf(std::string(5 << 20, 'x')), HasSubstr("at most"));
}

}  // namespace
}  // namespace trinity::jinja

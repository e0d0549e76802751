#include "chat/jinja/jinja_template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"

namespace trinity::jinja {
namespace {

using testing::HasSubstr;

std::string Render(std::string_view text, const Json& context = Json::object()) {
  return JinjaTemplate::Parse(text, "t").Render(context);
}

std::string ErrorOf(std::string_view text, const Json& context = Json::object()) {
  try {
    return "no error: " + Render(text, context);
  } catch (const Error& e) {
    return e.what();
  }
}

TEST(JinjaTemplate, ErrorsCarryNameLineAndColumn) {
  EXPECT_EQ(ErrorOf("x\n\n  {{ a.b }}"), "t:3:7: 'a' is undefined");
  EXPECT_THAT(ErrorOf("é {{ 1 + }}"), HasSubstr("t:1:10: unexpected '}}'"));
  EXPECT_THAT(ErrorOf("{% if x %}\n{% for y in z %}"), HasSubstr("t:2:"));
  EXPECT_THAT(ErrorOf("\n{{ 'é' ~ 'x'.nope() }}"), HasSubstr("t:2:18: 'str object'"));
  EXPECT_THAT(ErrorOf("{% wat %}"), HasSubstr("t:1:4: unknown tag 'wat'"));
}

TEST(JinjaTemplate, SlicesStandAloneInBrackets) {
  EXPECT_THAT(ErrorOf("{{ l[1:2, 0] }}"), HasSubstr("t:1:14: a slice in several subscripts"));
  EXPECT_THAT(ErrorOf("{% if false %}{{ l[0, 1:] }}{% endif %}"), HasSubstr("a slice"));
  EXPECT_EQ(Render("{{ {(1, 2): 'x'}[1, 2] }}{{ 'abc'[1:][:1] }}"), "xb");
}

TEST(JinjaTemplate, IntegersHaveDigitsOfAnyScript) {
  EXPECT_EQ(Render("{{ 1٣ }} {{ 1_٣ }} {{ 0x٣f }} {{ 1_000 }} {{ 0b1_0 }}"), "13 13 63 1000 2");
  for (const char* number : {"1_٣.٥", "1.٥", "1e٢"}) {
    EXPECT_THAT(ErrorOf("{{ " + std::string(number) + " }}"), HasSubstr("in a float")) << number;
  }
  EXPECT_THAT(ErrorOf("{{ ٣ }}"), HasSubstr("invalid character in identifier"));
  EXPECT_THAT(ErrorOf("{{ 0b٣ }}"), HasSubstr("t:1:5"));
}

TEST(JinjaTemplate, IdentifiersThatNfkcChangesAreRefused) {
  for (const char* name : {"ﬁ", "ª", "e\u0301", "\u212b", "가\u11a8"}) {
    EXPECT_THAT(ErrorOf("{% set " + std::string(name) + " = 2 %}"), HasSubstr("NFKC")) << name;
  }
  EXPECT_EQ(Render("{% set é = 2 %}{% set 日本 = 3 %}{{ é }}{{ 日本 }}{{ 'ﬁ' }}"), "23ﬁ");
}

TEST(JinjaTemplate, FormatsWithoutNegativeZero) {
  EXPECT_EQ(Render("{{ '{:z.1f}'.format(-0.01) }} {{ '{:z.1f}'.format(-0.06) }} "
                   "{{ '{:+z.0e}'.format(-0.0) }} {{ '{:z}'.format(-0.0) }} "
                   "{{ '{:z.1%}'.format(-0.0001) }} {{ '{:z}'.format(-1e400) }} "
                   "{{ '{:z.0f}'.format(-0.4) }}"),
            "0.0 -0.1 +0e+00 0.0 0.0% -inf 0");
  EXPECT_THAT(ErrorOf("{{ '{:z}'.format(1) }}"), HasSubstr("'z' is not allowed"));
  EXPECT_THAT(ErrorOf("{{ '{:z}'.format('a') }}"), HasSubstr("not allowed for a string"));
}

TEST(JinjaTemplate, GroupsOfPaddedDigitsTakeTimeInProportionToTheWidth) {
  EXPECT_EQ(Render("{{ '{:010,}|{:09,}|{:_}|{:012,.1f}'.format(1234, 1234, 1234567, -1.5) }}"),
            "00,001,234|0,001,234|1_234_567|-0,000,001.5");
  EXPECT_EQ(Render("{{ '{:0999999,}'.format(1)|length }}"), "999999");
  EXPECT_THAT(ErrorOf("{{ ('{:' ~ '0' * 5000 ~ '9}').format(1) }}"), HasSubstr("5001 bytes"));
}

TEST(JinjaTemplate, MessagesOfFilesCannotBreakLines) {
  EXPECT_THAT(ErrorOf("{{ raise_exception('a\nb') }}"), testing::Not(HasSubstr("\n")));
}

TEST(JinjaTemplate, LoopElseRunsUnlessABodyWasFinished) {
  EXPECT_EQ(Render("{% for x in [1, 2] %}{% continue %}{% else %}e{% endfor %}"), "e");
  EXPECT_EQ(Render("{% for x in [1, 2] %}{{ x }}{% else %}e{% endfor %}"), "12");
}

TEST(JinjaTemplate, GeneratorsCanBeReadOnce) {
  EXPECT_EQ(Render("{% set g = ['a']|map('upper') %}{{ g|join }}{{ g|join }}"), "A");
  EXPECT_THAT(ErrorOf("{{ [1]|select|length }}"), HasSubstr("generator has no length"));
}

TEST(JinjaTemplate, GeneratorsComputeOnlyWhatIsRead) {
  EXPECT_EQ(Render("{{ ['a', 1]|map('first')|first }}"), "a");
}

TEST(JinjaTemplate, MacrosSeeVariablesAsTheyAreWhenCalled) {
  EXPECT_EQ(
      Render("{% macro m() %}{{ x }}{% endmacro %}{{ m() }}{% set x = 1 %}{{ m() }}", {{"x", 5}}),
      "1");
}

TEST(JinjaTemplate, LoopsForgetWhatTheySet) {
  EXPECT_EQ(Render("{% for i in [1, 2] %}{{ x }}{% set x = i %}{% endfor %}{{ x }}", {{"x", 9}}),
            "999");
}

TEST(JinjaTemplate, DotsFindMethodsFirstAndBracketsFindKeysFirst) {
  const Json context = {{"d", {{"items", 1}}}};
  EXPECT_EQ(Render("{{ d['items'] }} {{ d.items is callable }}", context), "1 True");
}

TEST(JinjaTemplate, MethodsThatChangeContainersDoNotExist) {
  EXPECT_EQ(Render("{{ [].append is defined }}{{ {}.update is defined }}"), "FalseFalse");
  EXPECT_THAT(ErrorOf("{{ [].append(1) }}"), HasSubstr("unsafe"));
}

TEST(JinjaTemplate, IntegersBeyond64BitsAreExactAndBeyond128AnError) {
  EXPECT_EQ(Render("{{ n * 1000000000 }}", {{"n", 18446744073709551615u}}),
            "18446744073709551615000000000");
  EXPECT_THAT(ErrorOf("{{ 10 ** 39 }}"), HasSubstr("integer overflow"));
}

TEST(JinjaTemplate, WhatIsNotSupportedIsRefusedByName) {
  EXPECT_THAT(ErrorOf("{{ [1]|random }}"), HasSubstr("the filter random is not supported"));
  EXPECT_THAT(ErrorOf("{{ 'a'|urlize }}"), HasSubstr("the filter urlize is not supported"));
  EXPECT_THAT(ErrorOf("{{ lipsum() }}"), HasSubstr("lipsum is not supported"));
  EXPECT_THAT(ErrorOf("{{ 'a'.encode() }}"), HasSubstr("encode() is not supported"));
  EXPECT_THAT(ErrorOf("{{ 1.5.hex() }}"), HasSubstr("hex() and fromhex() are not supported"));
  EXPECT_THAT(ErrorOf("{{ (5).to_bytes() }}"), HasSubstr("to_bytes() and from_bytes()"));
  EXPECT_THAT(ErrorOf("{{ 1.5.as_integer_ratio() }}"), HasSubstr("as_integer_ratio()"));
  EXPECT_THAT(ErrorOf("{{ '\\N{BULLET}' }}"), HasSubstr("\\N escapes are not supported"));
  EXPECT_THAT(ErrorOf("{{ '\\ud83d' }}"), HasSubstr("surrogates are not supported"));
  EXPECT_THAT(ErrorOf("{% autoescape true %}{% endautoescape %}"),
              HasSubstr("autoescape true is not supported"));
}

TEST(JinjaTemplate, NamespacesRefuseNamesThatBeginWithAnUnderscore) {
  EXPECT_THAT(ErrorOf("{{ namespace(_x=1) }}"), HasSubstr("underscore, found '_x'"));
  EXPECT_THAT(ErrorOf("{{ namespace({'__class__': 1}) }}"), HasSubstr("found '__class__'"));
  EXPECT_THAT(ErrorOf("{% set ns = namespace() %}{% set ns._x = 1 %}"), HasSubstr("found '_x'"));
}

TEST(JinjaTemplate, StringsCountCodePoints) {
  EXPECT_EQ(Render("{{ s|length }}{{ s[1] }}{{ s[::-1] }}", {{"s", "aé😀"}}), "3é😀éa");
}

TEST(JinjaTemplate, SlicedRangesKeepTheirBounds) {
  EXPECT_EQ(Render("{{ range(3, 0, -1)[100:1] }}"), "range(0, 2, -1)");
}

TEST(JinjaTemplate, UnknownFiltersAreFoundBeforeRenderingExceptInConditions) {
  EXPECT_THROW(JinjaTemplate::Parse("{{ x|nope }}", "t"), Error);
  EXPECT_EQ(Render("{% if false %}{{ x|nope }}{% endif %}"), "");
}

TEST(JinjaTemplate, TemplatesThatAreNotUtf8AreRefused) {
  EXPECT_THAT(ErrorOf("\xff"), HasSubstr("not UTF-8"));
}

TEST(JinjaTemplate, CanBeRenderedAgain) {
  const JinjaTemplate t = JinjaTemplate::Parse("{% set ns = namespace(a=0) %}{{ ns.a }}", "t");
  EXPECT_EQ(t.Render(Json::object()), "0");
  EXPECT_EQ(t.Render(Json::object()), "0");
}

}  // namespace
}  // namespace trinity::jinja

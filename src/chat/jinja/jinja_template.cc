#include "chat/jinja/jinja_template.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/utf8.h"
#include "chat/jinja/ast.h"
#include "chat/jinja/executor.h"
#include "chat/jinja/name_search.h"
#include "chat/jinja/resolver.h"
#include "chat/jinja/statement_parser.h"

namespace trinity::jinja {
namespace {

constexpr size_t kMaxTemplateBytes = size_t{4} << 20;

Value FromText(Runtime& runtime, const std::string& text) {
  if (!IsUtf8(text)) runtime.Fail("a string of the context is not UTF-8: {}", Printable(text));
  return runtime.String(text);
}

Value FromDigits(Runtime& runtime, const std::string& digits) {
  const bool is_negative = digits.starts_with('-');
  Int value = 0;
  for (const char c : std::string_view(digits).substr(is_negative ? 1 : 0)) {
    const Int digit = is_negative ? '0' - c : c - '0';
    if (__builtin_mul_overflow(value, Int{10}, &value) ||
        __builtin_add_overflow(value, digit, &value)) {
      runtime.Fail("an integer of the context has more than 128 bits: {}", Printable(digits));
    }
  }
  return Value::Integer(value);
}

Value FromJson(Runtime& runtime, const Json& json) {
  const DepthGuard guard(runtime);
  switch (json.type()) {
    case Json::value_t::boolean:
      return Value::Bool(json.get<bool>());
    case Json::value_t::number_integer:
      return Value::Integer(json.get<int64_t>());
    case Json::value_t::number_unsigned:
      return Value::Integer(json.get<uint64_t>());
    case Json::value_t::number_float:
      return Value::Float(json.get<double>());
    case Json::value_t::binary:
      if (const auto digits = LongInteger(json)) return FromDigits(runtime, *digits);
      runtime.Fail("the context has binary values");
    case Json::value_t::string:
      return FromText(runtime, json.get_ref<const std::string&>());
    case Json::value_t::array: {
      std::vector<Value> items;
      for (const Json& item : json) items.push_back(FromJson(runtime, item));
      return runtime.List(std::move(items));
    }
    case Json::value_t::object: {
      auto dict = runtime.NewDict();
      for (const auto& [key, item] : json.items()) {
        dict->Set(runtime, FromText(runtime, key), FromJson(runtime, item));
      }
      return runtime.Dict(std::move(dict));
    }
    default:
      return Value::None();
  }
}

}  // namespace

JinjaTemplate::JinjaTemplate(std::unique_ptr<TemplateTree> tree, std::string name)
    : tree_(std::move(tree)), name_(std::move(name)) {}
JinjaTemplate::JinjaTemplate(JinjaTemplate&&) noexcept = default;
JinjaTemplate& JinjaTemplate::operator=(JinjaTemplate&&) noexcept = default;
JinjaTemplate::~JinjaTemplate() = default;

JinjaTemplate JinjaTemplate::Parse(std::string_view text, std::string name) {
  if (text.size() > kMaxTemplateBytes) {
    Fail("{}: a template of {} bytes, at most {} are accepted", name, text.size(),
         kMaxTemplateBytes);
  }
  auto tree = std::make_unique<TemplateTree>(ParseTemplate(text, name));
  ResolveNames(*tree, name);
  return JinjaTemplate(std::move(tree), std::move(name));
}

std::string JinjaTemplate::Render(const Json& context, const RenderLimits& limits,
                                  const Clock& clock) const {
  Runtime runtime(name_, limits, clock);
  if (!context.is_object()) runtime.Fail("the context must be an object");
  Executor executor(runtime, *tree_, FromJson(runtime, context));
  return executor.Run();
}

bool JinjaTemplate::Reads(const std::string& variable) const {
  return ReadsName(tree_->body, variable);
}

}  // namespace trinity::jinja

#include "chat/jinja/globals.h"

#include "chat/jinja/attributes.h"
#include "chat/jinja/bound_arguments.h"
#include "chat/jinja/container_methods.h"
#include "chat/jinja/iteration.h"
#include "chat/jinja/operators.h"
#include "chat/jinja/python_number.h"
#include "chat/jinja/python_repr.h"
#include "chat/jinja/text_builder.h"

namespace trinity::jinja {
namespace {

Int RangeBound(Runtime& runtime, const Value& value) {
  if (value.IsUndefined()) FailUndefined(runtime, value);
  if (!value.IsIntegral()) {
    runtime.Fail("range() expects integers, found {}", TypeName(value));
  }
  constexpr Int kLimit = Int{1} << 100;
  if (value.AsInt() > kLimit || value.AsInt() < -kLimit) runtime.Fail("range() bound too large");
  return value.AsInt();
}

Value Range(Runtime& runtime, CallArguments& arguments) {
  const BoundArguments bound(runtime, "range", arguments, {"start", "stop", "step"}, 1,
                             Keywords::kRefused);
  const Int first = RangeBound(runtime, bound[0]);
  const Int start = bound.Has(1) ? first : 0;
  const Int stop = bound.Has(1) ? RangeBound(runtime, bound[1]) : first;
  const Int step = bound.Has(2) ? RangeBound(runtime, bound[2]) : 1;
  if (step == 0) runtime.Fail("range() step must not be zero");
  Value range = runtime.Range(start, stop, step);
  if (range.As<RangeObject>().Length() > static_cast<Int>(runtime.limits().max_range)) {
    runtime.Fail("a range of {} items: at most {} are allowed",
                 IntText(range.As<RangeObject>().Length()), runtime.limits().max_range);
  }
  return range;
}

// The arguments of dict() and namespace().
std::shared_ptr<DictObject> DictFrom(Runtime& runtime, const CallArguments& arguments) {
  auto dict = runtime.NewDict();
  if (arguments.positional.size() > 1) runtime.Fail("dict() takes at most 1 argument");
  if (!arguments.positional.empty()) {
    const Value& source = arguments.positional[0];
    if (source.IsDict()) {
      for (const auto& entry : source.AsDict().entries) {
        dict->Set(runtime, entry.first, entry.second);
      }
    } else {
      for (const Value& item : ToVector(runtime, source)) {
        const std::vector<Value> pair = ToVector(runtime, item);
        if (pair.size() != 2) runtime.Fail("dict() expects pairs, found {} items", pair.size());
        dict->Set(runtime, pair[0], pair[1]);
      }
    }
  }
  for (const auto& [name, value] : arguments.keywords) {
    dict->Set(runtime, runtime.String(name), value);
  }
  return dict;
}

// What transformers puts in the place of Python's dict: it can be called, and has fromkeys().
struct DictFunction final : CallableObject {
  Value Call(Runtime& runtime, CallArguments& arguments) override {
    return runtime.Dict(DictFrom(runtime, arguments));
  }
  bool Attribute(Runtime& runtime, std::string_view name, Value& out) override {
    return name == "fromkeys" &&
           FindContainerMethod(runtime, runtime.Dict(runtime.NewDict()), name, out);
  }
  std::string Describe(Runtime&) const override { return "<TemplateDict object>"; }
};

Value Namespace(Runtime& runtime, CallArguments& arguments) {
  auto attributes = DictFrom(runtime, arguments);
  runtime.CheckItems(attributes->entries.size());
  for (const auto& entry : attributes->entries) CheckNamespaceName(runtime, entry.first);
  return runtime.Namespace(std::move(attributes));
}

struct CyclerObject final : CallableObject {
  Value Call(Runtime& runtime, CallArguments&) override {
    runtime.Fail("a cycler is not callable");
  }
  bool IsCallable() const override { return false; }
  bool Attribute(Runtime& runtime, std::string_view name, Value& out) override;
  std::string Describe(Runtime&) const override { return "<Cycler object>"; }

  Value items;
  size_t place = 0;
};

struct CyclerMethod final : CallableObject {
  Value Call(Runtime& runtime, CallArguments& arguments) override {
    const BoundArguments none(runtime, "cycler method", arguments, {}, 0);
    auto& target = static_cast<CyclerObject&>(*cycler);
    if (resets) {
      target.place = 0;
      return Value::None();
    }
    const Value item = target.items.Items()[target.place];
    target.place = (target.place + 1) % target.items.Items().size();
    return item;
  }
  std::string Describe(Runtime&) const override { return "<bound method of Cycler>"; }

  std::shared_ptr<Object> cycler;
  bool resets = false;
};

bool CyclerObject::Attribute(Runtime& runtime, std::string_view name, Value& out) {
  if (name == "current") {
    out = items.Items()[place];
  } else if (name == "items") {
    out = items;
  } else if (name == "pos") {
    out = Value::Integer(static_cast<Int>(place));
  } else if (name == "next" || name == "reset") {
    auto method = std::make_shared<CyclerMethod>();
    method->cycler = shared_from_this();
    method->resets = name == "reset";
    runtime.Account(*method, 256);
    out = Value::Of(Kind::kCallable, std::move(method));
  } else {
    return false;
  }
  return true;
}

Value Cycler(Runtime& runtime, CallArguments& arguments) {
  if (!arguments.keywords.empty()) runtime.Fail("cycler() takes no keyword arguments");
  if (arguments.positional.empty()) runtime.Fail("cycler() expects at least one item");
  auto cycler = std::make_shared<CyclerObject>();
  cycler->items = runtime.Tuple(std::move(arguments.positional));
  runtime.Account(*cycler, 256);
  return Value::Of(Kind::kCallable, std::move(cycler));
}

struct JoinerObject final : CallableObject {
  Value Call(Runtime& runtime, CallArguments& arguments) override {
    const BoundArguments none(runtime, "joiner", arguments, {}, 0);
    if (used) return separator;
    used = true;
    return runtime.String("");
  }
  bool Attribute(Runtime&, std::string_view name, Value& out) override {
    if (name == "sep") out = separator;
    if (name == "used") out = Value::Bool(used);
    return name == "sep" || name == "used";
  }
  std::string Describe(Runtime&) const override { return "<Joiner object>"; }

  Value separator;
  bool used = false;
};

Value Joiner(Runtime& runtime, CallArguments& arguments) {
  const BoundArguments bound(runtime, "joiner", arguments, {"sep"}, 0);
  auto joiner = std::make_shared<JoinerObject>();
  joiner->separator = bound.Or(0, runtime.String(", "));
  runtime.Account(*joiner, 256);
  return Value::Of(Kind::kCallable, std::move(joiner));
}

Value RaiseException(Runtime& runtime, CallArguments& arguments) {
  const BoundArguments bound(runtime, "raise_exception", arguments, {"message"}, 1);
  runtime.FailWith(Str(runtime, bound[0]));
}

// One directive at a time, so that no result is longer than the buffer. Python's datetime has
// microseconds (here always 0) and, being local time without a zone, empty %z and %Z.
Value StrftimeNow(Runtime& runtime, CallArguments& arguments) {
  const BoundArguments bound(runtime, "strftime_now", arguments, {"format"}, 1);
  const std::string& format = bound.String(0).Text();
  const std::tm now = runtime.Now();
  TextBuilder out(runtime);
  for (size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%' || i + 1 == format.size()) {
      out.Append(format[i]);
      continue;
    }
    runtime.Step();
    std::string directive = {'%', format[++i]};
    // glibc's flags: %-d, %_d, %0d, %^b, %#b
    if (std::string_view("-_0^#").find(format[i]) != std::string_view::npos &&
        i + 1 < format.size()) {
      directive += format[++i];
    }
    if (format[i] == 'f') {
      out.Append("000000");
    } else if (format[i] != 'z' && format[i] != 'Z') {
      char buffer[256];
      out.Append({buffer, std::strftime(buffer, sizeof buffer, directive.c_str(), &now)});
    }
  }
  return runtime.String(out.Take());
}

Value Lipsum(Runtime& runtime, CallArguments&) { runtime.Fail("lipsum is not supported"); }

}  // namespace

void CheckNamespaceName(const Runtime& runtime, const Value& name) {
  if (name.IsString() && name.Text().starts_with('_')) {
    runtime.Fail("a namespace has no attributes that begin with an underscore, found {}",
                 ReprText(std::string_view(name.Text()).substr(0, 100)));
  }
}

std::optional<Value> FindGlobal(std::string_view name) {
  struct Global {
    std::string_view name;
    Function function;
  };
  static constexpr Global kGlobals[] = {
      {"range", Range},
      {"namespace", Namespace},
      {"cycler", Cycler},
      {"joiner", Joiner},
      {"lipsum", Lipsum},
      {"raise_exception", RaiseException},
      {"strftime_now", StrftimeNow},
  };
  if (name == "dict") return Value::Of(Kind::kCallable, std::make_shared<DictFunction>());
  for (const Global& global : kGlobals) {
    if (global.name == name) return MakeFunction(global.name, global.function);
  }
  return std::nullopt;
}

}  // namespace trinity::jinja

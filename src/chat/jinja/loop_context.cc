#include "chat/jinja/loop_context.h"

#include "chat/jinja/bound_arguments.h"
#include "chat/jinja/iteration.h"
#include "chat/jinja/operators.h"
#include "chat/jinja/python_number.h"

namespace trinity::jinja {
namespace {

// loop.cycle and loop.changed, called for one loop.
struct LoopMethod final : CallableObject {
  Value Call(Runtime& runtime, CallArguments& arguments) override {
    return call(runtime, arguments);
  }
  std::string Describe(Runtime&) const override { return "<bound method of LoopContext>"; }
  void Release() override { call = nullptr; }
  std::function<Value(Runtime&, const CallArguments&)> call;
};

}  // namespace

LoopContext::LoopContext(Runtime& runtime, Value iterable, Recurse recurse, int depth0)
    : iterable_(std::move(iterable)),
      iterator_(Iterate(runtime, iterable_)),
      recurse_(std::move(recurse)),
      depth0_(depth0) {}

bool LoopContext::Next(Runtime& runtime, Value& out) {
  if (!after_.IsMissing()) {
    out = after_;
    after_ = Value();
  } else if (iterator_.IsMissing() || !NextOf(runtime, iterator_, out)) {
    return false;
  }
  ++index0_;
  before_ = std::move(current_);
  current_ = out;
  return true;
}

void LoopContext::Finish() {
  iterator_ = Value();
  before_ = Value();
  current_ = Value();
  after_ = Value();
  last_changed_ = Value();
}

const Value& LoopContext::Peek(Runtime& runtime) {
  if (after_.IsMissing() && !iterator_.IsMissing()) {
    Value next;
    if (NextOf(runtime, iterator_, next)) after_ = next;
  }
  return after_;
}

std::optional<Int> LoopContext::Length(Runtime& runtime) {
  if (length_) return length_;
  length_ = LengthOf(runtime, iterable_);
  if (length_ || iterator_.IsMissing()) return length_.value_or(index0_ + 1);
  const Value rest = runtime.List(ToVector(runtime, iterator_));
  iterator_ = Iterate(runtime, rest);
  length_ = static_cast<Int>(rest.Items().size()) + index0_ + 1 + (after_.IsMissing() ? 0 : 1);
  return length_;
}

Value LoopContext::Call(Runtime& runtime, CallArguments& arguments) {
  const BoundArguments bound(runtime, "loop", arguments, {"iterable"}, 1);
  if (recurse_ == nullptr) {
    runtime.Fail("the loop must have the 'recursive' marker to be called recursively");
  }
  return recurse_(runtime, bound[0], depth0_ + 1);
}

Value LoopContext::Cycle(Runtime& runtime, const CallArguments& arguments) const {
  if (!arguments.keywords.empty()) runtime.Fail("cycle() takes no keyword arguments");
  if (arguments.positional.empty()) runtime.Fail("no items for cycling given");
  const auto size = static_cast<Int>(arguments.positional.size());
  return arguments.positional[static_cast<size_t>(index0_ % size)];
}

Value LoopContext::Changed(Runtime& runtime, const CallArguments& arguments) {
  if (!arguments.keywords.empty()) runtime.Fail("changed() takes no keyword arguments");
  Value value = runtime.Tuple(arguments.positional);
  if (!last_changed_.IsMissing() && Equal(runtime, last_changed_, value)) {
    return Value::Bool(false);
  }
  last_changed_ = std::move(value);
  return Value::Bool(true);
}

Value LoopContext::Method(Runtime& runtime, std::string_view name) {
  auto method = std::make_shared<LoopMethod>();
  const std::weak_ptr<Object> self = weak_from_this();
  const bool is_cycle = name == "cycle";
  method->call = [self, is_cycle](Runtime& r, const CallArguments& arguments) {
    const std::shared_ptr<Object> object = self.lock();
    if (object == nullptr) r.Fail("the loop has ended");
    auto& loop = static_cast<LoopContext&>(*object);
    return is_cycle ? loop.Cycle(r, arguments) : loop.Changed(r, arguments);
  };
  runtime.Account(*method, 256);
  return Value::Of(Kind::kCallable, std::move(method));
}

bool LoopContext::Attribute(Runtime& runtime, std::string_view name, Value& out) {
  const auto integer = [&out](Int value) {
    out = Value::Integer(value);
    return true;
  };
  if (name == "index") return integer(index0_ + 1);
  if (name == "index0") return integer(index0_);
  if (name == "depth") return integer(depth0_ + 1);
  if (name == "depth0") return integer(depth0_);
  if (name == "length") return integer(*Length(runtime));
  if (name == "revindex") return integer(*Length(runtime) - index0_);
  if (name == "revindex0") return integer(*Length(runtime) - index0_ - 1);
  if (name == "first") {
    out = Value::Bool(index0_ == 0);
  } else if (name == "last") {
    out = Value::Bool(Peek(runtime).IsMissing());
  } else if (name == "previtem") {
    out = index0_ == 0 ? runtime.Undefined("there is no previous item") : before_;
  } else if (name == "nextitem") {
    out = Peek(runtime);
    if (out.IsMissing()) out = runtime.Undefined("there is no next item");
  } else if (name == "cycle" || name == "changed") {
    out = Method(runtime, name);
  } else {
    return false;
  }
  if (out.IsMissing()) out = runtime.Undefined("the loop has ended");
  return true;
}

std::string LoopContext::Describe(Runtime& runtime) const {
  const std::optional<Int> length = const_cast<LoopContext*>(this)->Length(runtime);
  return "<LoopContext " + IntText(index0_ + 1) + "/" + IntText(*length) + ">";
}

}  // namespace trinity::jinja

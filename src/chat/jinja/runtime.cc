#include "chat/jinja/runtime.h"

#include <algorithm>

#include "base/error.h"

namespace trinity::jinja {
namespace {

constexpr size_t kObjectBytes = 96;  // about what an object and its control block take

}  // namespace

std::tm LocalTimeNow() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  return local;
}

Runtime::Runtime(std::string template_name, const RenderLimits& limits, Clock clock)
    : template_name_(std::move(template_name)), limits_(limits), clock_(std::move(clock)) {}

Runtime::~Runtime() {
  for (const auto& object : kept_) object->Release();
}

void Runtime::FailWith(const std::string& message) const {
  trinity::Fail("{}:{}:{}: {}", template_name_, position_.line, position_.column,
                Printable(message, 1000));
}

void Runtime::FailSteps() const {
  Fail("the template takes more than {} steps", limits_.max_steps);
}

void Runtime::FailDepth() const { Fail("the template nests deeper than {}", limits_.max_depth); }

void Runtime::CheckItems(size_t num_items) const {
  if (num_items > limits_.max_items) {
    Fail("a container of {} items: at most {} are allowed", num_items, limits_.max_items);
  }
}

void Runtime::FailBytes(size_t num_bytes) const {
  Fail("a string of {} bytes: at most {} are allowed", num_bytes, limits_.max_string_bytes);
}

void Runtime::FailMemory() const {
  Fail("the template's values take more than {} bytes", limits_.max_memory_bytes);
}

void Runtime::CheckDepth(int depth) const {
  if (depth > limits_.max_container_depth) {
    Fail("containers nest deeper than {}", limits_.max_container_depth);
  }
}

void Runtime::Keep(std::shared_ptr<Object> object) {
  Account(*object, 3 * kObjectBytes);
  kept_.push_back(std::move(object));
}

MemoryCharge Runtime::Charge(size_t num_bytes) {
  CheckMemory(num_bytes);
  Work(num_bytes);
  return MemoryCharge(&meter_, num_bytes);
}

Value Runtime::Text(std::string text, Markup markup) {
  CheckBytes(text.size());
  auto object = std::make_shared<StringObject>();
  object->charge = Charge(text.size() + kObjectBytes);
  object->num_code_points = CountCodePoints(text);
  object->text = std::move(text);
  object->is_markup = markup == Markup::kYes;
  return Value::Of(Kind::kString, std::move(object));
}

Value Runtime::StringLike(const Value& like, std::string text) {
  return Text(std::move(text), like.IsMarkup() ? Markup::kYes : Markup::kNo);
}

Value Runtime::Sequence(Kind kind, std::vector<Value> items) {
  CheckItems(items.size());
  auto object = std::make_shared<SequenceObject>();
  object->charge = Charge(items.size() * sizeof(Value) + kObjectBytes);
  for (const Value& item : items) object->depth = std::max(object->depth, DepthOf(item) + 1);
  CheckDepth(object->depth);
  object->items = std::move(items);
  return Value::Of(kind, std::move(object));
}

Value Runtime::List(std::vector<Value> items) { return Sequence(Kind::kList, std::move(items)); }

Value Runtime::Tuple(std::vector<Value> items) { return Sequence(Kind::kTuple, std::move(items)); }

Value Runtime::GroupTuple(Value grouper, Value list) {
  Value tuple = Tuple({std::move(grouper), std::move(list)});
  tuple.As<SequenceObject>().is_group_tuple = true;
  return tuple;
}

Value Runtime::Dict(std::shared_ptr<DictObject> dict) {
  CheckItems(dict->entries.size());
  dict->charge = Charge(dict->entries.size() * 2 * sizeof(Value) + kObjectBytes);
  for (const auto& entry : dict->entries) {
    dict->depth = std::max({dict->depth, DepthOf(entry.first) + 1, DepthOf(entry.second) + 1});
  }
  CheckDepth(dict->depth);
  return Value::Of(Kind::kDict, std::move(dict));
}

Value Runtime::Namespace(std::shared_ptr<DictObject> attributes) {
  auto object = std::make_shared<NamespaceObject>();
  object->attributes = std::move(attributes);
  Keep(object);
  return Value::Of(Kind::kNamespace, std::move(object));
}

Value Runtime::Range(Int start, Int stop, Int step) {
  auto object = std::make_shared<RangeObject>();
  object->start = start;
  object->stop = stop;
  object->step = step;
  Account(*object, kObjectBytes);
  return Value::Of(Kind::kRange, std::move(object));
}

Value Runtime::Undefined(std::string message) {
  auto object = std::make_shared<UndefinedObject>();
  Account(*object, message.size() + kObjectBytes);
  object->message = std::move(message);
  return Value::Of(Kind::kUndefined, std::move(object));
}

}  // namespace trinity::jinja

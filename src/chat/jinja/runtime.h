#pragma once

#include <fmt/format.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "chat/jinja/render_limits.h"
#include "chat/jinja/value.h"

namespace trinity::jinja {

// A place in a template, counted from 1; columns count code points.
struct Position {
  int line = 1;
  int column = 1;
};

// What one rendering has used and may still use. Every value that a template makes is made here, so
// that limits hold wherever it comes from.
class Runtime {
 public:
  // `template_name` stands in messages.
  Runtime(std::string template_name, const RenderLimits& limits, Clock clock);
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;
  ~Runtime();

  // Throws Error "name:line:column: message" with the place last set.
  template <typename... Args>
  [[noreturn]] void Fail(fmt::format_string<Args...> format, Args&&... args) const {
    FailWith(fmt::format(format, std::forward<Args>(args)...));
  }
  [[noreturn]] void FailWith(const std::string& message) const;
  void set_position(Position position) { position_ = position; }
  Position position() const { return position_; }

  void Step(size_t num_steps = 1) {
    steps_ += num_steps;
    if (steps_ > limits_.max_steps) FailSteps();
  }
  // Accounts for looking at or copying `num_bytes`.
  void Work(size_t num_bytes) { Step(num_bytes / 64); }
  void CheckItems(size_t num_items) const;
  void CheckBytes(size_t num_bytes) const {
    if (num_bytes > limits_.max_string_bytes) FailBytes(num_bytes);
  }

  Value String(std::string text) { return Text(std::move(text), Markup::kNo); }
  Value MarkupString(std::string text) { return Text(std::move(text), Markup::kYes); }
  // Markup if `like` is.
  Value StringLike(const Value& like, std::string text);
  Value List(std::vector<Value> items);
  Value Tuple(std::vector<Value> items);
  Value GroupTuple(Value grouper, Value list);
  std::shared_ptr<DictObject> NewDict() { return std::make_shared<DictObject>(); }
  // Seals a dict: accounts for it and checks its size and depth.
  Value Dict(std::shared_ptr<DictObject> dict);
  Value Namespace(std::shared_ptr<DictObject> attributes);
  Value Range(Int start, Int stop, Int step);
  Value Undefined(std::string message);
  // Of a container that lies this deep.
  void CheckDepth(int depth) const;

  // Keeps `object` until the rendering ends, then calls its Release(). For what could be part of a
  // cycle: namespaces, variables that a macro holds.
  void Keep(std::shared_ptr<Object> object);
  // Accounts for memory that no value holds, as what a method needs while it runs.
  MemoryCharge Borrow(size_t num_bytes) {
    MemoryCharge charge;
    Extend(charge, num_bytes);
    return charge;
  }
  void Extend(MemoryCharge& charge, size_t num_bytes) {
    CheckMemory(num_bytes);
    charge.Grow(&meter_, num_bytes);
  }
  // Accounts for an object of about this size until it dies.
  void Account(Object& object, size_t num_bytes) { object.charge = Charge(num_bytes); }

  const RenderLimits& limits() const { return limits_; }
  std::tm Now() const { return clock_(); }

 private:
  friend class DepthGuard;
  enum class Markup { kNo, kYes };

  Value Text(std::string text, Markup markup);
  Value Sequence(Kind kind, std::vector<Value> items);
  MemoryCharge Charge(size_t num_bytes);
  void CheckMemory(size_t num_bytes) const {
    if (meter_.live_bytes + num_bytes > limits_.max_memory_bytes) FailMemory();
  }
  [[noreturn]] void FailSteps() const;
  [[noreturn]] void FailMemory() const;
  [[noreturn]] void FailBytes(size_t num_bytes) const;
  [[noreturn]] void FailDepth() const;

  std::string template_name_;
  RenderLimits limits_;
  Clock clock_;
  MemoryMeter meter_;
  Position position_;
  size_t steps_ = 0;
  int depth_ = 0;
  std::vector<std::shared_ptr<Object>> kept_;
};

// One level of recursion, bounded by RenderLimits::max_depth.
class DepthGuard {
 public:
  explicit DepthGuard(Runtime& runtime) : runtime_(runtime) {
    if (++runtime_.depth_ > runtime_.limits_.max_depth) {
      --runtime_.depth_;
      runtime_.FailDepth();
    }
  }
  DepthGuard(const DepthGuard&) = delete;
  DepthGuard& operator=(const DepthGuard&) = delete;
  ~DepthGuard() { --runtime_.depth_; }

 private:
  Runtime& runtime_;
};

}  // namespace trinity::jinja

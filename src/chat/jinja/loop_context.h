#pragma once

#include <functional>
#include <optional>
#include <string>

#include "chat/jinja/runtime.h"
#include "chat/jinja/value.h"

namespace trinity::jinja {

// The variable `loop`: where an iteration stands.
class LoopContext final : public CallableObject {
 public:
  // Renders the body of a recursive loop over another iterable, one level deeper.
  using Recurse = std::function<Value(Runtime& runtime, const Value& iterable, int depth0)>;

  // An Error if `iterable` cannot be iterated over. `recurse` is empty for ordinary loops.
  LoopContext(Runtime& runtime, Value iterable, Recurse recurse, int depth0);

  // Moves to the next item; false at the end.
  bool Next(Runtime& runtime, Value& out);
  // Lets go of the items. The loop has ended, but a template may still hold this.
  void Finish();

  Value Call(Runtime& runtime, CallArguments& arguments) override;
  bool Attribute(Runtime& runtime, std::string_view name, Value& out) override;
  std::string Describe(Runtime& runtime) const override;
  bool IsIterable() const override { return true; }
  std::optional<Int> Length(Runtime& runtime) override;

 private:
  const Value& Peek(Runtime& runtime);  // the next item; missing at the end
  Value Cycle(Runtime& runtime, const CallArguments& arguments) const;
  Value Changed(Runtime& runtime, const CallArguments& arguments);
  Value Method(Runtime& runtime, std::string_view name);

  Value iterable_;
  Value iterator_;
  Recurse recurse_;
  int depth0_;
  Int index0_ = -1;
  Value before_;
  Value current_;
  Value after_;
  Value last_changed_;
  std::optional<Int> length_;
};

}  // namespace trinity::jinja

#pragma once

#include <memory>
#include <string>

#include "chat/jinja/activation.h"
#include "chat/jinja/ast.h"
#include "chat/jinja/value.h"

namespace trinity::jinja {

class Executor;

// A macro as a value: its definition and the variables around it.
class MacroObject final : public CallableObject {
 public:
  MacroObject(Executor& executor, const MacroDefinition& macro, std::shared_ptr<Activation> closure)
      : executor_(executor), macro_(macro), closure_(std::move(closure)) {}

  Value Call(Runtime& runtime, CallArguments& arguments) override;
  bool Attribute(Runtime& runtime, std::string_view name, Value& out) override;
  std::string Describe(Runtime& runtime) const override;

 private:
  Executor& executor_;
  const MacroDefinition& macro_;
  std::shared_ptr<Activation> closure_;
};

}  // namespace trinity::jinja

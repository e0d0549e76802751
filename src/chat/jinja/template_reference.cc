#include "chat/jinja/template_reference.h"

#include "chat/jinja/bound_arguments.h"
#include "chat/jinja/executor.h"

namespace trinity::jinja {
namespace {

struct BlockReference final : CallableObject {
  BlockReference(Executor& running, const BlockStatement& named)
      : executor(running), block(named) {}
  Value Call(Runtime& runtime, CallArguments& arguments) override {
    const BoundArguments none(runtime, "block", arguments, {}, 0);
    return executor.CallBlock(block);
  }
  std::string Describe(Runtime&) const override { return "<BlockReference object>"; }
  Executor& executor;
  const BlockStatement& block;
};

struct TemplateReference final : CallableObject {
  explicit TemplateReference(Executor& running) : executor(running) {}
  Value Call(Runtime& runtime, CallArguments&) override { runtime.Fail("self is not callable"); }
  bool IsCallable() const override { return false; }
  // Jinja2's has __getitem__, which Python takes for an iterator's; what iterates over it fails.
  bool IsIterable() const override { return true; }
  bool Attribute(Runtime& runtime, std::string_view name, Value& out) override {
    const BlockStatement* block = executor.FindBlock(name);
    if (block == nullptr) return false;
    auto reference = std::make_shared<BlockReference>(executor, *block);
    runtime.Account(*reference, 2 * sizeof(BlockReference));
    out = Value::Of(Kind::kCallable, std::move(reference));
    return true;
  }
  std::string Describe(Runtime&) const override { return "<TemplateReference None>"; }
  Executor& executor;
};

}  // namespace

Value MakeTemplateReference(Executor& executor) {
  return Value::Of(Kind::kCallable, std::make_shared<TemplateReference>(executor));
}

}  // namespace trinity::jinja

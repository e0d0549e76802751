#include "chat/jinja/resolver.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "base/error.h"
#include "chat/jinja/name_search.h"
#include "chat/jinja/symbols.h"

namespace trinity::jinja {
namespace {

// Gathers the names of one scope: everything up to, but not inside, scopes within it.
class Analysis {
 public:
  explicit Analysis(Symbols& symbols, size_t copied = 0) : symbols_(symbols), copied_(copied) {}

  void Read(const Expression* expression) {
    if (expression == nullptr) return;
    if (expression->kind == ExpressionKind::kName) symbols_.LoadName(expression->name);
    for (const ExpressionPtr& child : expression->children) Read(child.get());
    const ArgumentList& arguments = expression->arguments;
    for (const ExpressionPtr& argument : arguments.positional) Read(argument.get());
    for (const auto& keyword : arguments.keywords) Read(keyword.second.get());
    Read(arguments.star.get());
    Read(arguments.double_star.get());
  }

  void Set(const Expression& target) {
    if (target.kind == ExpressionKind::kName) symbols_.Store(target.name);
    if (target.kind == ExpressionKind::kAttribute) symbols_.LoadName(target.children[0]->name);
    if (target.kind != ExpressionKind::kTuple) return;
    for (const ExpressionPtr& child : target.children) Set(*child);
  }

  void Declare(const Expression& target) {
    if (target.kind == ExpressionKind::kName) symbols_.DeclareParameter(target.name);
    for (const ExpressionPtr& child : target.children) Declare(*child);
  }

  void ReadBody(const Body& body) {
    for (const StatementPtr& statement : body) ReadStatement(*statement);
  }

 private:
  void ReadStatement(const Statement& statement) {
    switch (statement.kind) {
      case StatementKind::kOutput:
        return Read(static_cast<const OutputStatement&>(statement).value.get());
      case StatementKind::kIf:
        return ReadIf(static_cast<const IfStatement&>(statement));
      case StatementKind::kFor:
        return Read(static_cast<const ForStatement&>(statement).iterable.get());
      case StatementKind::kSet: {
        const auto& set = static_cast<const SetStatement&>(statement);
        Read(set.value.get());
        return Set(*set.target);
      }
      case StatementKind::kSetBlock:
        return Set(*static_cast<const SetBlockStatement&>(statement).target);
      case StatementKind::kMacro:
        return symbols_.Store(static_cast<const MacroStatement&>(statement).macro.name);
      case StatementKind::kCallBlock:
        return Read(static_cast<const CallBlockStatement&>(statement).call.get());
      case StatementKind::kFilterBlock:
        return Read(static_cast<const FilterBlockStatement&>(statement).filter.get());
      case StatementKind::kWith:
        for (const auto& value : static_cast<const WithStatement&>(statement).values) {
          Read(value.get());
        }
        return;
      case StatementKind::kNeedsLoader: {
        const auto& import = static_cast<const NeedsLoaderStatement&>(statement);
        Read(import.source.get());
        for (const ExpressionPtr& target : import.targets) Set(*target);
        return;
      }
      default:
        return;
    }
  }

  // All `elif` together are, as in Jinja2, one branch that holds conditions.
  void ReadIf(const IfStatement& statement) {
    const IfStatement::Branch& branch = statement.branches[0];
    Read(branch.test.get());
    std::vector<Symbols> branches = Copies(3);
    ReadBranch(branches[0], branch.body);
    Analysis elif (branches[1], copied_);
    for (size_t i = 1; i < statement.branches.size(); ++i) elif.ReadElif(statement.branches[i]);
    copied_ = elif.copied_;
    ReadBranch(branches[2], statement.else_body);
    symbols_.Merge(branches);
  }

  void ReadElif(const IfStatement::Branch& branch) {
    Read(branch.test.get());
    std::vector<Symbols> branches = Copies(1);
    ReadBranch(branches[0], branch.body);
    symbols_.Merge(branches);
  }

  void ReadBranch(Symbols& symbols, const Body& body) {
    Analysis analysis(symbols, copied_);
    analysis.ReadBody(body);
    copied_ = analysis.copied_;
  }

  // A template with very many names and conditions would take time in the square of its size.
  std::vector<Symbols> Copies(size_t count) {
    copied_ += count * symbols_.size();
    if (copied_ > kMaxCopiedNames) Fail("the template has too many names and conditions");
    return std::vector<Symbols>(count, symbols_);
  }

  static constexpr size_t kMaxCopiedNames = 1'500'000;

  Symbols& symbols_;
  size_t copied_;  // names in copies so far
};

class Resolver {
 public:
  explicit Resolver(std::string_view name) : name_(name) {}

  void Resolve(TemplateTree& tree) {
    FunctionVariables* function = NewFunction(0);
    Symbols symbols(nullptr, function);
    Analysis(symbols).ReadBody(tree.body);
    tree.scope = symbols.MakeScope();
    BindBody(tree.body, {&symbols, false, false, true});
    tree.num_slots = function->num_slots;
  }

 private:
  struct Place {
    const Symbols* symbols;
    bool in_condition;  // unknown filters are an error only when they are reached
    bool in_loop;
    bool is_top_level;
  };

  static Place Inside(const Symbols& symbols, const Place& outer) {
    return {&symbols, false, outer.in_loop, false};
  }

  FunctionVariables* NewFunction(int depth) {
    functions_.push_back(std::make_unique<FunctionVariables>());
    functions_.back()->depth = depth;
    return functions_.back().get();
  }

  [[noreturn]] void FailAt(Position position, const std::string& message) const {
    Fail("{}:{}:{}: {}", name_, position.line, position.column, Printable(message, 400));
  }

  void BindName(Expression& name, const Place& place) {
    const Variable* variable = place.symbols->Find(name.name);
    // Jinja2's compiler does not look at the arguments of a filter on a set block.
    if (variable == nullptr) FailAt(name.position, "unknown name " + name.name);
    name.slot = place.symbols->RefTo(*variable);
  }

  void Bind(Expression* expression, const Place& place) {
    if (expression == nullptr) return;
    if (expression->kind == ExpressionKind::kName) BindName(*expression, place);
    Place inside = place;
    if (expression->kind == ExpressionKind::kCondition) inside.in_condition = true;
    for (const ExpressionPtr& child : expression->children) Bind(child.get(), inside);
    const ArgumentList& arguments = expression->arguments;
    for (const ExpressionPtr& argument : arguments.positional) Bind(argument.get(), inside);
    for (const auto& keyword : arguments.keywords) Bind(keyword.second.get(), inside);
    Bind(arguments.star.get(), inside);
    Bind(arguments.double_star.get(), inside);
    const bool unknown =
        (expression->kind == ExpressionKind::kFilter && expression->filter == nullptr) ||
        (expression->kind == ExpressionKind::kTest && expression->predicate == nullptr);
    if (unknown && !place.in_condition) {
      FailAt(expression->position,
             (expression->kind == ExpressionKind::kFilter ? "there is no filter "
                                                          : "there is no test ") +
                 expression->name);
    }
  }

  void BindTarget(Expression& target, const Place& place) {
    if (target.kind == ExpressionKind::kName) {
      BindName(target, place);
      target.is_exported = place.is_top_level;
    }
    for (const ExpressionPtr& child : target.children) BindTarget(*child, place);
  }

  void BindBody(Body& body, const Place& place) {
    for (const StatementPtr& statement : body) BindStatement(*statement, place);
  }

  void BindStatement(Statement& statement, const Place& place) {
    switch (statement.kind) {
      case StatementKind::kText:
        return;
      case StatementKind::kOutput:
        return Bind(static_cast<OutputStatement&>(statement).value.get(), place);
      case StatementKind::kIf:
        return BindIf(static_cast<IfStatement&>(statement), place);
      case StatementKind::kFor:
        return BindFor(static_cast<ForStatement&>(statement), place);
      case StatementKind::kSet: {
        auto& set = static_cast<SetStatement&>(statement);
        Bind(set.value.get(), place);
        return BindTarget(*set.target, place);
      }
      case StatementKind::kSetBlock:
        return BindSetBlock(static_cast<SetBlockStatement&>(statement), place);
      case StatementKind::kMacro: {
        auto& macro = static_cast<MacroStatement&>(statement);
        macro.target = place.symbols->RefTo(*place.symbols->Find(macro.macro.name));
        macro.is_top_level = place.is_top_level;
        return BindMacro(macro.macro, macro.position, place);
      }
      case StatementKind::kCallBlock:
      case StatementKind::kGeneration: {
        auto& block = static_cast<CallBlockStatement&>(statement);
        BindMacro(block.caller, block.position, place);
        return Bind(block.call.get(), place);
      }
      case StatementKind::kFilterBlock:
        return BindFilterBlock(static_cast<FilterBlockStatement&>(statement), place);
      case StatementKind::kWith:
        return BindWith(static_cast<WithStatement&>(statement), place);
      case StatementKind::kBlock:
        return BindBlock(static_cast<BlockStatement&>(statement), place);
      case StatementKind::kAutoescape:
        return BindAutoescape(static_cast<AutoescapeStatement&>(statement), place);
      case StatementKind::kBreak:
      case StatementKind::kContinue:
        if (!place.in_loop) FailAt(statement.position, "break or continue outside of a loop");
        return;
      case StatementKind::kNeedsLoader: {
        auto& import = static_cast<NeedsLoaderStatement&>(statement);
        Bind(import.source.get(), place);
        for (const ExpressionPtr& target : import.targets) BindTarget(*target, place);
        return;
      }
    }
  }

  void BindIf(IfStatement& statement, const Place& place) {
    Place inside = place;
    inside.in_condition = true;
    for (IfStatement::Branch& branch : statement.branches) {
      Bind(branch.test.get(), inside);
      BindBody(branch.body, inside);
    }
    BindBody(statement.else_body, inside);
  }

  void BindFor(ForStatement& loop, const Place& place) {
    FunctionVariables* function = place.symbols->function();
    if (SetsName(loop, "loop")) FailAt(loop.position, "cannot assign to the special variable loop");
    if (loop.is_recursive) function = NewFunction(function->depth + 1);
    Symbols body(place.symbols, function);
    if (loop.is_recursive || HasScopedBlock(loop.body) ||
        !FindUndeclared(loop.body, {"loop"}).empty()) {
      loop.loop_slot = body.DeclareParameter("loop");
    }
    Analysis(body).Declare(*loop.target);
    Analysis(body).ReadBody(loop.body);
    Bind(loop.iterable.get(), place);
    if (loop.test != nullptr) {
      Symbols test(place.symbols, function, "test ");
      Analysis(test).Declare(*loop.test_target);
      Analysis(test).Read(loop.test.get());
      loop.test_scope = test.MakeScope();
      BindTarget(*loop.test_target, Inside(test, place));
      Bind(loop.test.get(), Inside(test, place));
    }
    loop.scope = body.MakeScope();
    Place inside = Inside(body, place);
    inside.in_loop = true;
    BindTarget(*loop.target, inside);
    BindBody(loop.body, inside);
    Symbols otherwise(place.symbols, function);
    Analysis(otherwise).ReadBody(loop.else_body);
    loop.else_scope = otherwise.MakeScope();
    inside = Inside(otherwise, place);
    inside.in_loop = place.in_loop && !loop.is_recursive;
    BindBody(loop.else_body, inside);
    if (loop.is_recursive) loop.num_slots = function->num_slots;
  }

  void BindSetBlock(SetBlockStatement& set, const Place& place) {
    Symbols symbols(place.symbols, place.symbols->function());
    Analysis(symbols).ReadBody(set.body);
    set.scope = symbols.MakeScope();
    BindBody(set.body, Inside(symbols, place));
    BindTarget(*set.target, place);
    Bind(set.filter.get(), Inside(symbols, place));
  }

  void BindFilterBlock(FilterBlockStatement& block, const Place& place) {
    Symbols symbols(place.symbols, place.symbols->function());
    Analysis(symbols).ReadBody(block.body);
    block.scope = symbols.MakeScope();
    BindBody(block.body, Inside(symbols, place));
    Bind(block.filter.get(), Inside(symbols, place));
  }

  void BindWith(WithStatement& with, const Place& place) {
    Symbols symbols(place.symbols, place.symbols->function());
    for (const ExpressionPtr& target : with.targets) Analysis(symbols).Declare(*target);
    Analysis(symbols).ReadBody(with.body);
    with.scope = symbols.MakeScope();
    for (const ExpressionPtr& value : with.values) Bind(value.get(), place);
    for (const ExpressionPtr& target : with.targets) BindTarget(*target, Inside(symbols, place));
    BindBody(with.body, Inside(symbols, place));
  }

  void BindAutoescape(AutoescapeStatement& statement, const Place& place) {
    Symbols symbols(place.symbols, place.symbols->function());
    Analysis(symbols).Read(statement.value.get());
    Analysis(symbols).ReadBody(statement.body);
    statement.scope = symbols.MakeScope();
    Bind(statement.value.get(), Inside(symbols, place));
    BindBody(statement.body, Inside(symbols, place));
  }

  // A block sees the context and what the template has set at its top; a scoped one also the
  // variables around it.
  void BindBlock(BlockStatement& block, const Place& place) {
    FunctionVariables* function = NewFunction(0);
    Symbols symbols(nullptr, function);
    Analysis(symbols).ReadBody(block.body);
    block.scope = symbols.MakeScope();
    if (block.is_scoped) block.visible = place.symbols->VisibleStores();
    BindBody(block.body, {&symbols, false, false, false});
    block.num_slots = function->num_slots;
  }

  void BindMacro(MacroDefinition& macro, Position position, const Place& place) {
    FunctionVariables* function = NewFunction(place.symbols->function()->depth + 1);
    Symbols symbols(place.symbols, function);
    for (const ExpressionPtr& parameter : macro.parameters) {
      macro.parameter_slots.push_back(symbols.DeclareParameter(parameter->name));
    }
    Analysis analysis(symbols);
    for (const ExpressionPtr& value : macro.defaults) analysis.Read(value.get());
    analysis.ReadBody(macro.body);
    const auto special = FindUndeclared(macro.body, {"caller", "kwargs", "varargs"});
    DeclareSpecial(macro, position, special, symbols);
    macro.scope = symbols.MakeScope();
    const Place inside = {&symbols, false, false, false};
    for (const ExpressionPtr& parameter : macro.parameters) BindName(*parameter, inside);
    for (const ExpressionPtr& value : macro.defaults) Bind(value.get(), inside);
    BindBody(macro.body, inside);
    macro.num_slots = function->num_slots;
  }

  void DeclareSpecial(MacroDefinition& macro, Position position,
                      const std::set<std::string>& special, Symbols& symbols) {
    const auto index_of = [&macro](std::string_view name) {
      const auto found =
          std::find_if(macro.parameters.begin(), macro.parameters.end(),
                       [name](const ExpressionPtr& parameter) { return parameter->name == name; });
      return static_cast<size_t>(found - macro.parameters.begin());
    };
    const size_t count = macro.parameters.size();
    const size_t caller = index_of("caller");
    macro.has_caller_parameter = caller < count;
    if (special.count("caller") != 0) {
      if (caller < count && caller + macro.defaults.size() < count) {
        FailAt(position, "the parameter caller must be left out or have a default");
      }
      macro.caller_slot =
          caller < count ? macro.parameter_slots[caller] : symbols.DeclareParameter("caller");
    }
    if (special.count("kwargs") != 0 && index_of("kwargs") == count) {
      macro.kwargs_slot = symbols.DeclareParameter("kwargs");
    }
    if (special.count("varargs") != 0 && index_of("varargs") == count) {
      macro.varargs_slot = symbols.DeclareParameter("varargs");
    }
  }

  std::string_view name_;
  std::vector<std::unique_ptr<FunctionVariables>> functions_;
};

}  // namespace

void ResolveNames(TemplateTree& tree, std::string_view template_name) {
  Resolver(template_name).Resolve(tree);
}

}  // namespace trinity::jinja

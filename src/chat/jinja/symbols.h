#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "chat/jinja/ast.h"

namespace trinity::jinja {

// A function of the compiled template (the template itself, a macro, a call block's body, a
// recursive loop, a block) and the variables that live in it.
struct FunctionVariables {
  int depth = 0;  // functions around it
  int num_slots = 0;
  std::map<std::pair<int, std::string>, int> slots;  // by level of scope and name
};

struct Variable {
  FunctionVariables* function = nullptr;
  int slot = 0;
};

// The names of one scope, gathered before any is used. Follows Jinja2's idtracking, whose choices
// decide what a template sees.
class Symbols {
 public:
  // `parent` may be nullptr. Scopes with different tags share no variables.
  Symbols(const Symbols* parent, FunctionVariables* function, std::string tag = "");

  // The variable of a name here or further out; nullptr if there is none.
  const Variable* Find(const std::string& name) const;

  void Store(const std::string& name);
  void LoadName(const std::string& name);
  int DeclareParameter(const std::string& name);  // returns its slot
  // Joins what the branches of a condition, copies of this, have found.
  void Merge(const std::vector<Symbols>& branches);

  size_t size() const { return variables_.size(); }

  // The names that this scope and those around it set, the innermost variable of each.
  std::map<std::string, SlotRef> VisibleStores() const;

  // What is to be done on entry.
  Scope MakeScope() const;

  FunctionVariables* function() const { return function_; }
  SlotRef RefTo(const Variable& variable) const;

 private:
  enum class Source { kParameter, kMissing, kContext, kAlias };
  struct Origin {
    Source source = Source::kMissing;
    std::string name;
    Variable alias;
  };

  int Define(const std::string& name, Origin origin);

  const Symbols* parent_;
  FunctionVariables* function_;
  std::string tag_;
  int level_;
  std::map<std::string, Variable> variables_;
  std::map<int, Origin> origins_;  // by slot
  std::set<std::string> stores_;
};

}  // namespace trinity::jinja

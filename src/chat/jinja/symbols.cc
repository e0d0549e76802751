#include "chat/jinja/symbols.h"

#include "base/check.h"

namespace trinity::jinja {

Symbols::Symbols(const Symbols* parent, FunctionVariables* function, std::string tag)
    : parent_(parent),
      function_(function),
      tag_(std::move(tag)),
      level_(parent == nullptr ? 0 : parent->level_ + 1) {}

const Variable* Symbols::Find(const std::string& name) const {
  for (const Symbols* scope = this; scope != nullptr; scope = scope->parent_) {
    const auto found = scope->variables_.find(name);
    if (found != scope->variables_.end()) return &found->second;
  }
  return nullptr;
}

int Symbols::Define(const std::string& name, Origin origin) {
  const auto key = std::make_pair(level_, tag_ + name);
  const auto [place, is_new] = function_->slots.emplace(key, function_->num_slots);
  if (is_new) ++function_->num_slots;
  variables_[name] = {function_, place->second};
  origins_[place->second] = std::move(origin);
  return place->second;
}

void Symbols::Store(const std::string& name) {
  stores_.insert(name);
  if (variables_.count(name) != 0) return;
  const Variable* outer = parent_ == nullptr ? nullptr : parent_->Find(name);
  if (outer != nullptr) {
    Define(name, {Source::kAlias, name, *outer});
  } else {
    Define(name, {Source::kMissing, name, {}});
  }
}

void Symbols::LoadName(const std::string& name) {
  if (Find(name) == nullptr) Define(name, {Source::kContext, name, {}});
}

int Symbols::DeclareParameter(const std::string& name) {
  stores_.insert(name);
  return Define(name, {Source::kParameter, name, {}});
}

void Symbols::Merge(const std::vector<Symbols>& branches) {
  std::set<std::string> new_stores;
  for (const Symbols& branch : branches) {
    new_stores.insert(branch.stores_.begin(), branch.stores_.end());
  }
  for (const std::string& name : stores_) new_stores.erase(name);
  for (const Symbols& branch : branches) {
    for (const auto& entry : branch.variables_) variables_[entry.first] = entry.second;
    for (const auto& entry : branch.origins_) origins_[entry.first] = entry.second;
    stores_.insert(branch.stores_.begin(), branch.stores_.end());
  }
  // A name that only some branch sets keeps, in the others, the value from outside.
  for (const std::string& name : new_stores) {
    const Variable* variable = Find(name);
    TRINITY_CHECK(variable != nullptr);
    const Variable* outer = parent_ == nullptr ? nullptr : parent_->Find(name);
    if (outer != nullptr) {
      origins_[variable->slot] = {Source::kAlias, name, *outer};
    } else {
      origins_[variable->slot] = {Source::kContext, name, {}};
    }
  }
}

SlotRef Symbols::RefTo(const Variable& variable) const {
  return {function_->depth - variable.function->depth, variable.slot};
}

std::map<std::string, SlotRef> Symbols::VisibleStores() const {
  std::map<std::string, SlotRef> visible;
  for (const Symbols* scope = this; scope != nullptr; scope = scope->parent_) {
    for (const std::string& name : scope->stores_) visible.emplace(name, RefTo(*Find(name)));
  }
  return visible;
}

Scope Symbols::MakeScope() const {
  Scope scope;
  for (const auto& [slot, origin] : origins_) {
    scope.slots.push_back(slot);
    Load load;
    load.slot = slot;
    load.name = origin.name;
    switch (origin.source) {
      case Source::kParameter:
        continue;
      case Source::kMissing:
        load.kind = Load::Kind::kMissing;
        break;
      case Source::kContext:
        load.kind = Load::Kind::kFromContext;
        break;
      case Source::kAlias:
        load.kind = Load::Kind::kFromVariable;
        load.source = RefTo(origin.alias);
        break;
    }
    scope.loads.push_back(std::move(load));
  }
  return scope;
}

}  // namespace trinity::jinja

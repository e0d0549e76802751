#include "chat/jinja/name_search.h"

#include "chat/jinja/tree_visitor.h"

namespace trinity::jinja {
namespace {

class UndeclaredVisitor final : public TreeVisitor {
 public:
  explicit UndeclaredVisitor(std::set<std::string> names) : names_(std::move(names)) {}
  void OnName(const Expression& name, Role role) override {
    if (role == Role::kRead && names_.count(name.name) != 0) {
      undeclared_.insert(name.name);
    } else if (role != Role::kRead) {
      names_.erase(name.name);
    }
  }
  bool OnBlock(const BlockStatement&) override { return false; }
  std::set<std::string> Take() { return std::move(undeclared_); }

 private:
  std::set<std::string> names_;
  std::set<std::string> undeclared_;
};

class ReadVisitor final : public TreeVisitor {
 public:
  explicit ReadVisitor(const std::string& name) : name_(name) {}
  void OnName(const Expression& name, Role role) override {
    found_ = found_ || (role == Role::kRead && name.name == name_);
  }
  bool OnBlock(const BlockStatement&) override { return true; }
  bool found() const { return found_; }

 private:
  const std::string& name_;
  bool found_ = false;
};

class SetVisitor final : public TreeVisitor {
 public:
  explicit SetVisitor(const std::string& name) : name_(name) {}
  void OnName(const Expression& name, Role role) override {
    found_ = found_ || (role == Role::kSet && name.name == name_);
  }
  bool OnBlock(const BlockStatement&) override { return true; }
  bool found() const { return found_; }

 private:
  const std::string& name_;
  bool found_ = false;
};

class ScopedBlockVisitor final : public TreeVisitor {
 public:
  void OnName(const Expression&, Role) override {}
  bool OnBlock(const BlockStatement& block) override {
    found_ = found_ || block.is_scoped;
    return true;
  }
  bool found() const { return found_; }

 private:
  bool found_ = false;
};

}  // namespace

std::set<std::string> FindUndeclared(const Body& body, std::set<std::string> names) {
  UndeclaredVisitor visitor(std::move(names));
  visitor.VisitBody(body);
  return visitor.Take();
}

bool ReadsName(const Body& body, const std::string& name) {
  ReadVisitor visitor(name);
  visitor.VisitBody(body);
  return visitor.found();
}

bool SetsName(const ForStatement& loop, const std::string& name) {
  SetVisitor visitor(name);
  visitor.VisitStatement(loop);
  return visitor.found();
}

bool HasScopedBlock(const Body& body) {
  ScopedBlockVisitor visitor;
  visitor.VisitBody(body);
  return visitor.found();
}

}  // namespace trinity::jinja

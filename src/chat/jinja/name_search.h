#pragma once

#include <set>
#include <string>

#include "chat/jinja/ast.h"

namespace trinity::jinja {

// Which of `names` the statements read before they set them, nested macros and loops included, in
// the order in which Jinja2 looks through its nodes.
std::set<std::string> FindUndeclared(const Body& body, std::set<std::string> names);

// Whether a variable of this name is read anywhere.
bool ReadsName(const Body& body, const std::string& name);

// Whether a name is set in the loop or anything in it (macro parameters and `with` do not count).
bool SetsName(const ForStatement& loop, const std::string& name);

// Whether a block marked `scoped` stands in the statements.
bool HasScopedBlock(const Body& body);

}  // namespace trinity::jinja

#pragma once

#include <string_view>

#include "chat/jinja/ast.h"

namespace trinity::jinja {

// Decides for every name of a parsed template which variable it is, by the rules of Jinja2's
// compiler: each scope knows before it starts which names it will set; a name that the template
// never sets comes from the context when its scope is entered; macros see the variables around
// them as they are when they are called. Refuses what that compiler refuses: unknown filters and
// tests outside of conditions, break and continue outside of loops, and writing to `loop`.
void ResolveNames(TemplateTree& tree, std::string_view template_name);

}  // namespace trinity::jinja

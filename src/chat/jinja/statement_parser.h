#pragma once

#include <string_view>

#include "chat/jinja/ast.h"

namespace trinity::jinja {

// Parses a whole template as Jinja2 does with the extensions loopcontrols and (transformers')
// `generation`. Names are not resolved yet. Throws Error "name:line:column: ...".
TemplateTree ParseTemplate(std::string_view source, std::string_view template_name);

}  // namespace trinity::jinja

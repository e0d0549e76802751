#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/json.h"
#include "chat/jinja/render_limits.h"

namespace trinity::jinja {

struct TemplateTree;

// A Jinja template as Hugging Face transformers compiles chat templates: Jinja2's immutable sandbox
// with trim_blocks, lstrip_blocks, loop controls and the `generation` tag, tojson as json.dumps
// without ASCII escapes, and the globals raise_exception and strftime_now. Rendering changes
// nothing here, so that threads may share a template.
class JinjaTemplate {
 public:
  // `name` stands in messages. Throws Error "name:line:column: ..." for what is no template.
  static JinjaTemplate Parse(std::string_view text, std::string name);
  JinjaTemplate(JinjaTemplate&&) noexcept;
  JinjaTemplate& operator=(JinjaTemplate&&) noexcept;
  ~JinjaTemplate();

  // Renders with the members of the object `context` as variables. Throws Error "name:line:column:
  // ..." where Jinja2 fails, where raise_exception() is called, and at limits.
  std::string Render(const Json& context, const RenderLimits& limits = {},
                     const Clock& clock = LocalTimeNow) const;

  // Whether it reads a variable of this name anywhere.
  bool Reads(const std::string& variable) const;

 private:
  JinjaTemplate(std::unique_ptr<TemplateTree> tree, std::string name);

  std::unique_ptr<TemplateTree> tree_;
  std::string name_;
};

}  // namespace trinity::jinja

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "chat/jinja/runtime.h"
#include "chat/jinja/value.h"

namespace trinity::jinja {

enum class TokenType {
  kData,  // text outside of tags
  kVariableBegin,
  kVariableEnd,
  kBlockBegin,
  kBlockEnd,
  kName,
  kString,
  kInteger,
  kFloat,
  kOperator,
  kEnd,
};

struct Token {
  TokenType type = TokenType::kEnd;
  std::string text;  // of data, names and operators
  Value value;       // of strings and numbers
  Position position;
};

// Cuts a template into tokens as Jinja2's lexer does with trim_blocks and lstrip_blocks on and
// keep_trailing_newline off. The source must be UTF-8. Throws Error "name:line:column: ...".
std::vector<Token> Tokenize(std::string_view source, std::string_view template_name);

}  // namespace trinity::jinja

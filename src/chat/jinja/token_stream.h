#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "chat/jinja/lexer.h"

namespace trinity::jinja {

// The parser's place in the tokens of a template.
class TokenStream {
 public:
  TokenStream(std::vector<Token> tokens, std::string_view template_name)
      : tokens_(std::move(tokens)), template_name_(template_name) {}

  const Token& current() const { return tokens_[at_]; }
  const Token& next() const { return tokens_[at_ + 1 < tokens_.size() ? at_ + 1 : at_]; }
  Position position() const { return current().position; }

  Token Take() {
    Token token = tokens_[at_];
    if (at_ + 1 < tokens_.size()) ++at_;
    return token;
  }

  bool Is(TokenType type) const { return current().type == type; }
  bool IsOperator(std::string_view text) const { return IsOperator(current(), text); }
  bool IsName(std::string_view text) const { return IsName(current(), text); }
  static bool IsOperator(const Token& token, std::string_view text) {
    return token.type == TokenType::kOperator && token.text == text;
  }
  static bool IsName(const Token& token, std::string_view text) {
    return token.type == TokenType::kName && token.text == text;
  }

  bool SkipOperator(std::string_view text) { return SkipIf(IsOperator(text)); }
  bool SkipName(std::string_view text) { return SkipIf(IsName(text)); }

  void ExpectOperator(std::string_view text) {
    if (!SkipOperator(text)) FailHere("expected '{}', found {}", text, Describe(current()));
  }
  void ExpectName(std::string_view text) {
    if (!SkipName(text)) FailHere("expected '{}', found {}", text, Describe(current()));
  }
  std::string ExpectAnyName() {
    if (!Is(TokenType::kName)) FailHere("expected a name, found {}", Describe(current()));
    return Take().text;
  }
  void Expect(TokenType type) {
    if (!Is(type)) {
      FailHere("expected {}, found {}", Describe(type), Describe(current()));
    }
    Take();
  }

  template <typename... Args>
  [[noreturn]] void FailHere(fmt::format_string<Args...> format, Args&&... args) const {
    FailAt(position(), fmt::format(format, std::forward<Args>(args)...));
  }
  [[noreturn]] void FailAt(Position position, const std::string& message) const {
    Fail("{}:{}:{}: {}", template_name_, position.line, position.column, Printable(message, 400));
  }

  static std::string Describe(const Token& token) {
    switch (token.type) {
      case TokenType::kName:
      case TokenType::kOperator:
        return "'" + token.text + "'";
      default:
        return Describe(token.type);
    }
  }

 private:
  bool SkipIf(bool condition) {
    if (condition) Take();
    return condition;
  }

  static std::string Describe(TokenType type) {
    switch (type) {
      case TokenType::kData:
        return "text";
      case TokenType::kVariableBegin:
        return "'{{'";
      case TokenType::kVariableEnd:
        return "'}}'";
      case TokenType::kBlockBegin:
        return "'{%'";
      case TokenType::kBlockEnd:
        return "'%}'";
      case TokenType::kString:
        return "a string";
      case TokenType::kInteger:
        return "an integer";
      case TokenType::kFloat:
        return "a float";
      case TokenType::kEnd:
        return "the end of the template";
      default:
        return "a token";
    }
  }

  std::vector<Token> tokens_;
  size_t at_ = 0;
  std::string template_name_;
};

}  // namespace trinity::jinja

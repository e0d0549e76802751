#include "chat/jinja/statement_parser.h"

#include <algorithm>
#include <initializer_list>

#include "chat/jinja/expression_parser.h"
#include "chat/jinja/lexer.h"
#include "chat/jinja/python_number.h"
#include "chat/jinja/token_stream.h"

namespace trinity::jinja {
namespace {

using Conditions = ExpressionParser::Conditions;
using NamespaceTargets = ExpressionParser::NamespaceTargets;
using FilterStart = ExpressionParser::FilterStart;

ExpressionPtr CopyTarget(const Expression& target) {
  auto copy = std::make_unique<Expression>();
  copy->kind = target.kind;
  copy->position = target.position;
  copy->name = target.name;
  for (const ExpressionPtr& child : target.children) copy->children.push_back(CopyTarget(*child));
  return copy;
}

class StatementParser {
 public:
  explicit StatementParser(TokenStream& stream) : stream_(stream), expressions_(stream) {}

  TemplateTree Parse() {
    TemplateTree tree;
    tree.body = ParseBody({});
    tree.blocks = std::move(blocks_);
    return tree;
  }

 private:
  using Ends = std::initializer_list<std::string_view>;

  bool IsAt(Ends ends) const {
    return std::any_of(ends.begin(), ends.end(),
                       [this](std::string_view end) { return stream_.IsName(end); });
  }

  // Up to the tag of one of `ends`, whose name is the current token afterwards; without ends, up to
  // the end of the template.
  Body ParseBody(Ends ends) {
    if (++level_ > kMaxSyntaxDepth) {
      stream_.FailHere("tags nest deeper than {}", kMaxSyntaxDepth);
    }
    Body body;
    while (!stream_.Is(TokenType::kEnd)) {
      const Token& token = stream_.current();
      if (token.type == TokenType::kData) {
        auto text = Make<TextStatement>();
        text->text = stream_.Take().text;
        body.push_back(std::move(text));
      } else if (token.type == TokenType::kVariableBegin) {
        stream_.Take();
        auto output = Make<OutputStatement>();
        output->value = expressions_.ParseTuple();
        stream_.Expect(TokenType::kVariableEnd);
        body.push_back(std::move(output));
      } else {
        stream_.Expect(TokenType::kBlockBegin);
        if (IsAt(ends)) {
          --level_;
          return body;
        }
        ParseTag(body);
        stream_.Expect(TokenType::kBlockEnd);
      }
    }
    --level_;
    if (ends.size() > 0) stream_.FailHere("the template ends inside of a tag's body");
    return body;
  }

  // From the end of the opening tag to the name of the closing one.
  Body ParseInner(Ends ends) {
    stream_.SkipOperator(":");
    stream_.Expect(TokenType::kBlockEnd);
    return ParseBody(ends);
  }

  // The same, with the only possible end taken.
  Body ParseInnerUntil(std::string_view end) {
    Body body = ParseInner({end});
    stream_.Take();
    return body;
  }

  template <typename T, typename... Args>
  std::unique_ptr<T> Make(Args... args) {
    auto statement = std::make_unique<T>(args...);
    statement->position = stream_.position();
    return statement;
  }

  void ParseTag(Body& body) {
    if (!stream_.Is(TokenType::kName)) stream_.FailHere("expected the name of a tag");
    struct Tag {
      std::string_view name;
      StatementPtr (StatementParser::*parse)();
    };
    static constexpr Tag kTags[] = {
        {"for", &StatementParser::ParseFor},
        {"if", &StatementParser::ParseIf},
        {"set", &StatementParser::ParseSet},
        {"macro", &StatementParser::ParseMacro},
        {"call", &StatementParser::ParseCallBlock},
        {"generation", &StatementParser::ParseGeneration},
        {"filter", &StatementParser::ParseFilterBlock},
        {"with", &StatementParser::ParseWith},
        {"block", &StatementParser::ParseBlock},
        {"autoescape", &StatementParser::ParseAutoescape},
        {"break", &StatementParser::ParseLoopControl},
        {"continue", &StatementParser::ParseLoopControl},
        {"include", &StatementParser::ParseNeedsLoader},
        {"import", &StatementParser::ParseNeedsLoader},
        {"from", &StatementParser::ParseNeedsLoader},
        {"extends", &StatementParser::ParseNeedsLoader},
    };
    if (stream_.IsName("print")) return ParsePrint(body);
    for (const Tag& tag : kTags) {
      if (!stream_.IsName(tag.name)) continue;
      body.push_back((this->*tag.parse)());
      return;
    }
    stream_.FailHere("unknown tag '{}'", stream_.current().text);
  }

  void ParsePrint(Body& body) {
    stream_.Take();
    bool is_first = true;
    while (!stream_.Is(TokenType::kBlockEnd)) {
      if (!is_first) stream_.ExpectOperator(",");
      is_first = false;
      auto output = Make<OutputStatement>();
      output->value = expressions_.ParseExpression();
      body.push_back(std::move(output));
    }
  }

  StatementPtr ParseFor() {
    auto loop = Make<ForStatement>();
    stream_.Take();
    loop->target = expressions_.ParseTarget("in", NamespaceTargets::kNo);
    stream_.ExpectName("in");
    loop->iterable = expressions_.ParseTuple(Conditions::kNo, "recursive");
    if (stream_.SkipName("if")) {
      loop->test = expressions_.ParseExpression();
      loop->test_target = CopyTarget(*loop->target);
    }
    loop->is_recursive = stream_.SkipName("recursive");
    loop->body = ParseInner({"endfor", "else"});
    if (stream_.Take().text == "else") loop->else_body = ParseInnerUntil("endfor");
    return loop;
  }

  StatementPtr ParseIf() {
    auto statement = Make<IfStatement>();
    while (true) {
      stream_.Take();
      IfStatement::Branch branch;
      branch.test = expressions_.ParseTuple(Conditions::kNo);
      branch.body = ParseInner({"elif", "else", "endif"});
      statement->branches.push_back(std::move(branch));
      if (!stream_.IsName("elif")) break;
    }
    if (stream_.Take().text == "else") statement->else_body = ParseInnerUntil("endif");
    return statement;
  }

  StatementPtr ParseSet() {
    auto set = Make<SetStatement>();
    stream_.Take();
    set->target = expressions_.ParseTarget("", NamespaceTargets::kYes);
    if (stream_.SkipOperator("=")) {
      set->value = expressions_.ParseTuple();
      return set;
    }
    auto block = std::make_unique<SetBlockStatement>();
    block->position = set->position;
    block->target = std::move(set->target);
    block->filter = expressions_.ParseFilters(nullptr, FilterStart::kBar);
    block->body = ParseInnerUntil("endset");
    return block;
  }

  void ParseSignature(MacroDefinition& macro) {
    stream_.ExpectOperator("(");
    while (!stream_.IsOperator(")")) {
      if (!macro.parameters.empty()) stream_.ExpectOperator(",");
      macro.parameters.push_back(expressions_.ParseNameTarget());
      for (size_t i = 0; i + 1 < macro.parameters.size(); ++i) {
        if (macro.parameters[i]->name == macro.parameters.back()->name) {
          stream_.FailHere("the parameter {} occurs twice", macro.parameters[i]->name);
        }
      }
      if (stream_.SkipOperator("=")) {
        macro.defaults.push_back(expressions_.ParseExpression());
      } else if (!macro.defaults.empty()) {
        stream_.FailHere("a parameter without a default follows one with a default");
      }
    }
    stream_.ExpectOperator(")");
  }

  StatementPtr ParseMacro() {
    auto statement = Make<MacroStatement>();
    stream_.Take();
    statement->macro.name = expressions_.ParseNameTarget()->name;
    ParseSignature(statement->macro);
    statement->macro.body = ParseInnerUntil("endmacro");
    return statement;
  }

  StatementPtr ParseCallBlock() {
    auto block = Make<CallBlockStatement>(StatementKind::kCallBlock);
    stream_.Take();
    if (stream_.IsOperator("(")) ParseSignature(block->caller);
    block->call = expressions_.ParseExpression();
    if (block->call->kind != ExpressionKind::kCall) {
      stream_.FailAt(block->position, "a call block expects a call");
    }
    block->caller.body = ParseInnerUntil("endcall");
    return block;
  }

  StatementPtr ParseGeneration() {
    auto block = Make<CallBlockStatement>(StatementKind::kGeneration);
    stream_.Take();
    block->caller.body = ParseInnerUntil("endgeneration");
    return block;
  }

  StatementPtr ParseFilterBlock() {
    auto block = Make<FilterBlockStatement>();
    stream_.Take();
    block->filter = expressions_.ParseFilters(nullptr, FilterStart::kInline);
    block->body = ParseInnerUntil("endfilter");
    return block;
  }

  StatementPtr ParseWith() {
    auto with = Make<WithStatement>();
    stream_.Take();
    while (!stream_.Is(TokenType::kBlockEnd)) {
      if (!with->targets.empty()) stream_.ExpectOperator(",");
      with->targets.push_back(expressions_.ParseTarget("", NamespaceTargets::kNo));
      stream_.ExpectOperator("=");
      with->values.push_back(expressions_.ParseExpression());
    }
    with->body = ParseInnerUntil("endwith");
    return with;
  }

  StatementPtr ParseBlock() {
    auto block = Make<BlockStatement>();
    stream_.Take();
    block->name = stream_.ExpectAnyName();
    for (const BlockStatement* other : blocks_) {
      if (other->name == block->name) {
        stream_.FailAt(block->position, "block '" + block->name + "' defined twice");
      }
    }
    blocks_.push_back(block.get());
    block->is_scoped = stream_.SkipName("scoped");
    block->is_required = stream_.SkipName("required");
    block->body = ParseInnerUntil("endblock");
    if (block->is_required) CheckRequired(*block);
    stream_.SkipName(block->name);
    return block;
  }

  void CheckRequired(const BlockStatement& block) {
    for (const StatementPtr& statement : block.body) {
      const bool is_blank = statement->kind == StatementKind::kText &&
                            StripSpace(static_cast<const TextStatement&>(*statement).text).empty();
      if (!is_blank) {
        stream_.FailAt(block.position, "required blocks can only contain comments or whitespace");
      }
    }
  }

  StatementPtr ParseAutoescape() {
    auto statement = Make<AutoescapeStatement>();
    stream_.Take();
    statement->value = expressions_.ParseExpression();
    statement->body = ParseInnerUntil("endautoescape");
    return statement;
  }

  StatementPtr ParseLoopControl() {
    auto statement = Make<LoopControlStatement>(stream_.IsName("break") ? StatementKind::kBreak
                                                                        : StatementKind::kContinue);
    stream_.Take();
    return statement;
  }

  StatementPtr ParseNeedsLoader() {
    auto statement = Make<NeedsLoaderStatement>();
    statement->tag = stream_.Take().text;
    statement->source = expressions_.ParseExpression();
    if (statement->tag == "include" && stream_.IsName("ignore") &&
        TokenStream::IsName(stream_.next(), "missing")) {
      stream_.Take();
      stream_.Take();
    }
    if (statement->tag == "import") {
      stream_.ExpectName("as");
      statement->targets.push_back(expressions_.ParseNameTarget());
    }
    if (statement->tag == "from") ParseImportedNames(*statement);
    if (statement->tag != "extends") SkipContext();
    return statement;
  }

  bool SkipContext() {
    const bool found = (stream_.IsName("with") || stream_.IsName("without")) &&
                       TokenStream::IsName(stream_.next(), "context");
    if (found) {
      stream_.Take();
      stream_.Take();
    }
    return found;
  }

  void ParseImportedNames(NeedsLoaderStatement& statement) {
    stream_.ExpectName("import");
    while (true) {
      if (!statement.targets.empty()) stream_.ExpectOperator(",");
      if (SkipContext()) return;
      ExpressionPtr name = expressions_.ParseNameTarget();
      if (name->name[0] == '_') stream_.FailHere("names with an underscore cannot be imported");
      if (stream_.SkipName("as")) name = expressions_.ParseNameTarget();
      statement.targets.push_back(std::move(name));
      if (SkipContext() || !stream_.IsOperator(",")) return;
    }
  }

  TokenStream& stream_;
  ExpressionParser expressions_;
  int level_ = 0;
  std::vector<const BlockStatement*> blocks_;
};

}  // namespace

TemplateTree ParseTemplate(std::string_view source, std::string_view template_name) {
  TokenStream stream(Tokenize(source, template_name), template_name);
  return StatementParser(stream).Parse();
}

}  // namespace trinity::jinja

#include "chat/jinja/expression_parser.h"

#include <algorithm>
#include <optional>

#include "chat/jinja/operator_tokens.h"

namespace trinity::jinja {

// One level of the parser's recursion.
class SyntaxLevel {
 public:
  explicit SyntaxLevel(ExpressionParser& parser) : parser_(parser) {
    if (++parser_.level_ > kMaxSyntaxDepth) {
      parser_.stream_.FailHere("the expression nests deeper than {}", kMaxSyntaxDepth);
    }
  }
  SyntaxLevel(const SyntaxLevel&) = delete;
  SyntaxLevel& operator=(const SyntaxLevel&) = delete;
  ~SyntaxLevel() { --parser_.level_; }

 private:
  ExpressionParser& parser_;
};

ExpressionPtr ExpressionParser::New(ExpressionKind kind, Position position) {
  auto node = std::make_unique<Expression>();
  node->kind = kind;
  node->position = position;
  return node;
}

void ExpressionParser::Deepen(Expression& parent, const ExpressionPtr& child) {
  if (child == nullptr) return;
  parent.depth = std::max(parent.depth, child->depth + 1);
  if (parent.depth > kMaxTreeDepth) {
    stream_.FailAt(parent.position,
                   fmt::format("the expression is a tree deeper than {}", kMaxTreeDepth));
  }
}

void ExpressionParser::Add(Expression& parent, ExpressionPtr child) {
  Deepen(parent, child);
  parent.children.push_back(std::move(child));
}

ExpressionPtr ExpressionParser::NewBinary(ExpressionKind kind, Position position,
                                          ExpressionPtr left, ExpressionPtr right) {
  ExpressionPtr node = New(kind, position);
  Add(*node, std::move(left));
  Add(*node, std::move(right));
  return node;
}

ExpressionPtr ExpressionParser::Constant(Value value, Position position) {
  ExpressionPtr node = New(ExpressionKind::kConstant, position);
  node->constant = std::move(value);
  return node;
}

ExpressionPtr ExpressionParser::ParseExpression(Conditions conditions) {
  const SyntaxLevel level(*this);
  return conditions == Conditions::kYes ? ParseCondition() : ParseOr();
}

ExpressionPtr ExpressionParser::ParseCondition() {
  const SyntaxLevel level(*this);
  ExpressionPtr value = ParseOr();
  while (stream_.IsName("if")) {
    const Position position = stream_.Take().position;
    ExpressionPtr node = New(ExpressionKind::kCondition, position);
    Add(*node, ParseOr());
    Add(*node, std::move(value));
    Add(*node, stream_.SkipName("else") ? ParseCondition() : nullptr);
    value = std::move(node);
  }
  return value;
}

ExpressionPtr ExpressionParser::ParseOr() {
  ExpressionPtr left = ParseAnd();
  while (stream_.IsName("or")) {
    const Position position = stream_.Take().position;
    left = NewBinary(ExpressionKind::kOr, position, std::move(left), ParseAnd());
  }
  return left;
}

ExpressionPtr ExpressionParser::ParseAnd() {
  ExpressionPtr left = ParseNot();
  while (stream_.IsName("and")) {
    const Position position = stream_.Take().position;
    left = NewBinary(ExpressionKind::kAnd, position, std::move(left), ParseNot());
  }
  return left;
}

ExpressionPtr ExpressionParser::ParseNot() {
  if (!stream_.IsName("not")) return ParseCompare();
  const SyntaxLevel level(*this);
  ExpressionPtr node = New(ExpressionKind::kNot, stream_.Take().position);
  Add(*node, ParseNot());
  return node;
}

ExpressionPtr ExpressionParser::ParseCompare() {
  ExpressionPtr first = ParseSum();
  ExpressionPtr node;
  while (true) {
    std::optional<Comparison> comparison = ComparisonOf(stream_.current());
    const Position position = stream_.position();
    if (stream_.IsName("in")) comparison = Comparison::kIn;
    if (stream_.IsName("not") && TokenStream::IsName(stream_.next(), "in")) {
      comparison = Comparison::kNotIn;
      stream_.Take();
    }
    if (!comparison) break;
    stream_.Take();
    if (node == nullptr) {
      node = New(ExpressionKind::kCompare, position);
      Add(*node, std::move(first));
    }
    node->comparisons.push_back(*comparison);
    Add(*node, ParseSum());
  }
  return node == nullptr ? std::move(first) : std::move(node);
}

ExpressionPtr ExpressionParser::ParseSum() {
  ExpressionPtr left = ParseConcat();
  while (stream_.IsOperator("+") || stream_.IsOperator("-")) {
    const Token token = stream_.Take();
    left = NewBinary(ExpressionKind::kBinary, token.position, std::move(left), ParseConcat());
    left->binary = token.text == "+" ? BinaryOperator::kAdd : BinaryOperator::kSubtract;
  }
  return left;
}

ExpressionPtr ExpressionParser::ParseConcat() {
  ExpressionPtr first = ParseProduct();
  if (!stream_.IsOperator("~")) return first;
  ExpressionPtr node = New(ExpressionKind::kConcat, stream_.position());
  Add(*node, std::move(first));
  while (stream_.SkipOperator("~")) Add(*node, ParseProduct());
  return node;
}

ExpressionPtr ExpressionParser::ParseProduct() {
  ExpressionPtr left = ParsePower();
  while (const std::optional<BinaryOperator> op = ProductOf(stream_.current())) {
    const Position position = stream_.Take().position;
    left = NewBinary(ExpressionKind::kBinary, position, std::move(left), ParsePower());
    left->binary = *op;
  }
  return left;
}

ExpressionPtr ExpressionParser::ParsePower() {
  ExpressionPtr left = ParseUnary(WithFilters::kYes);
  while (stream_.IsOperator("**")) {
    const Position position = stream_.Take().position;
    left = NewBinary(ExpressionKind::kBinary, position, std::move(left),
                     ParseUnary(WithFilters::kYes));
    left->binary = BinaryOperator::kPower;
  }
  return left;
}

ExpressionPtr ExpressionParser::ParseUnary(WithFilters filters) {
  const SyntaxLevel level(*this);
  ExpressionPtr node;
  if (stream_.IsOperator("-") || stream_.IsOperator("+")) {
    const Token token = stream_.Take();
    node = New(token.text == "-" ? ExpressionKind::kNegate : ExpressionKind::kPlus, token.position);
    Add(*node, ParseUnary(WithFilters::kNo));
  } else {
    node = ParsePrimary(NamespaceTargets::kNo);
  }
  node = ParsePostfix(std::move(node));
  return filters == WithFilters::kYes ? ParseFiltersAndTests(std::move(node)) : std::move(node);
}

ExpressionPtr ExpressionParser::ParsePrimary(NamespaceTargets namespaces) {
  const Token& token = stream_.current();
  const Position position = token.position;
  switch (token.type) {
    case TokenType::kName:
      return ParseNameOrConstant(namespaces);
    case TokenType::kInteger:
    case TokenType::kFloat:
      return Constant(stream_.Take().value, position);
    case TokenType::kString: {
      Value value = stream_.Take().value;
      std::string text = value.Text();
      while (stream_.Is(TokenType::kString)) text += stream_.Take().value.Text();
      return Constant(Value::ConstantString(std::move(text)), position);
    }
    default:
      break;
  }
  if (stream_.IsOperator("(")) return ParseParentheses();
  if (stream_.IsOperator("[")) return ParseList();
  if (stream_.IsOperator("{")) return ParseDict();
  stream_.FailHere("unexpected {}", TokenStream::Describe(token));
}

ExpressionPtr ExpressionParser::ParseNameOrConstant(NamespaceTargets namespaces) {
  const Token token = stream_.Take();
  const bool is_true = token.text == "true" || token.text == "True";
  const bool is_false = token.text == "false" || token.text == "False";
  if (is_true || is_false) return Constant(Value::Bool(is_true), token.position);
  if (token.text == "none" || token.text == "None") return Constant(Value::None(), token.position);
  ExpressionPtr name = New(ExpressionKind::kName, token.position);
  name->name = token.text;
  if (namespaces == NamespaceTargets::kNo || !stream_.SkipOperator(".")) return name;
  ExpressionPtr node = New(ExpressionKind::kAttribute, token.position);
  Add(*node, std::move(name));
  node->name = stream_.ExpectAnyName();
  node->constant = Value::ConstantString(node->name);
  return node;
}

ExpressionPtr ExpressionParser::ParseParentheses() {
  const Position position = stream_.Take().position;
  if (stream_.SkipOperator(")")) return New(ExpressionKind::kTuple, position);
  ExpressionPtr node = ParseTuple();
  stream_.ExpectOperator(")");
  return node;
}

bool ExpressionParser::IsTupleEnd(std::string_view end) const {
  return stream_.Is(TokenType::kVariableEnd) || stream_.Is(TokenType::kBlockEnd) ||
         stream_.IsOperator(")") || (!end.empty() && stream_.IsName(end));
}

ExpressionPtr ExpressionParser::ParseTuple(Conditions conditions, std::string_view end) {
  const Position position = stream_.position();
  if (IsTupleEnd(end)) {
    stream_.FailHere("expected an expression, found {}", TokenStream::Describe(stream_.current()));
  }
  ExpressionPtr first = ParseExpression(conditions);
  if (!stream_.IsOperator(",")) return first;
  ExpressionPtr node = New(ExpressionKind::kTuple, position);
  Add(*node, std::move(first));
  while (stream_.SkipOperator(",")) {
    if (IsTupleEnd(end)) break;
    Add(*node, ParseExpression(conditions));
  }
  return node;
}

ExpressionPtr ExpressionParser::ParseTarget(std::string_view end, NamespaceTargets namespaces) {
  const Position position = stream_.position();
  if (IsTupleEnd(end)) {
    stream_.FailHere("expected a name, found {}", TokenStream::Describe(stream_.current()));
  }
  ExpressionPtr first = ParsePrimary(namespaces);
  if (stream_.IsOperator(",")) {
    ExpressionPtr node = New(ExpressionKind::kTuple, position);
    Add(*node, std::move(first));
    while (stream_.SkipOperator(",")) {
      if (IsTupleEnd(end)) break;
      Add(*node, ParsePrimary(namespaces));
    }
    first = std::move(node);
  }
  CheckTarget(*first);
  return first;
}

void ExpressionParser::CheckTarget(const Expression& target) const {
  switch (target.kind) {
    case ExpressionKind::kName:
      return;
    case ExpressionKind::kAttribute:
      if (target.children[0]->kind == ExpressionKind::kName) return;
      break;
    case ExpressionKind::kTuple:
      for (const ExpressionPtr& child : target.children) CheckTarget(*child);
      return;
    default:
      break;
  }
  stream_.FailAt(target.position, "cannot assign to this expression");
}

ExpressionPtr ExpressionParser::ParseNameTarget() {
  const Position position = stream_.position();
  ExpressionPtr node = New(ExpressionKind::kName, position);
  node->name = stream_.ExpectAnyName();
  if (IsReserved(node->name)) stream_.FailAt(position, "cannot assign to " + node->name);
  return node;
}

ExpressionPtr ExpressionParser::ParseList() {
  ExpressionPtr node = New(ExpressionKind::kList, stream_.Take().position);
  while (!stream_.IsOperator("]")) {
    if (!node->children.empty()) stream_.ExpectOperator(",");
    if (stream_.IsOperator("]")) break;
    Add(*node, ParseExpression());
  }
  stream_.ExpectOperator("]");
  return node;
}

ExpressionPtr ExpressionParser::ParseDict() {
  ExpressionPtr node = New(ExpressionKind::kDict, stream_.Take().position);
  while (!stream_.IsOperator("}")) {
    if (!node->children.empty()) stream_.ExpectOperator(",");
    if (stream_.IsOperator("}")) break;
    Add(*node, ParseExpression());
    stream_.ExpectOperator(":");
    Add(*node, ParseExpression());
  }
  stream_.ExpectOperator("}");
  return node;
}

ExpressionPtr ExpressionParser::ParsePostfix(ExpressionPtr value) {
  while (true) {
    if (stream_.IsOperator(".") || stream_.IsOperator("[")) {
      value = ParseSubscript(std::move(value));
    } else if (stream_.IsOperator("(")) {
      value = ParseCall(std::move(value));
    } else {
      return value;
    }
  }
}

ExpressionPtr ExpressionParser::ParseFiltersAndTests(ExpressionPtr value) {
  while (true) {
    if (stream_.IsOperator("|")) {
      value = ParseFilters(std::move(value), FilterStart::kBar);
    } else if (stream_.IsName("is")) {
      value = ParseTest(std::move(value));
    } else if (stream_.IsOperator("(")) {
      value = ParseCall(std::move(value));
    } else {
      return value;
    }
  }
}

ExpressionPtr ExpressionParser::ParseSubscript(ExpressionPtr value) {
  const Token token = stream_.Take();
  if (token.text == ".") {
    if (stream_.Is(TokenType::kInteger)) {
      const Position position = stream_.position();
      return NewBinary(ExpressionKind::kItem, token.position, std::move(value),
                       Constant(stream_.Take().value, position));
    }
    if (!stream_.Is(TokenType::kName)) stream_.FailHere("expected a name or a number after '.'");
    ExpressionPtr node = New(ExpressionKind::kAttribute, token.position);
    Add(*node, std::move(value));
    node->name = stream_.Take().text;
    node->constant = Value::ConstantString(node->name);
    return node;
  }
  std::vector<ExpressionPtr> keys;
  while (!stream_.IsOperator("]")) {
    if (!keys.empty()) stream_.ExpectOperator(",");
    keys.push_back(ParseSubscriptKey());
  }
  stream_.ExpectOperator("]");
  if (keys.size() == 1) {
    return NewBinary(ExpressionKind::kItem, token.position, std::move(value), std::move(keys[0]));
  }
  ExpressionPtr tuple = New(ExpressionKind::kTuple, token.position);
  for (ExpressionPtr& key : keys) {
    if (key->kind == ExpressionKind::kSlice) stream_.FailHere("a slice in several subscripts");
    Add(*tuple, std::move(key));
  }
  return NewBinary(ExpressionKind::kItem, token.position, std::move(value), std::move(tuple));
}

ExpressionPtr ExpressionParser::ParseSubscriptKey() {
  const SyntaxLevel level(*this);
  const Position position = stream_.position();
  ExpressionPtr start;
  if (!stream_.IsOperator(":")) {
    start = ParseExpression();
    if (!stream_.IsOperator(":")) return start;
  }
  stream_.Take();
  ExpressionPtr node = New(ExpressionKind::kSlice, position);
  Add(*node, std::move(start));
  const auto ends = [this] { return stream_.IsOperator("]") || stream_.IsOperator(","); };
  Add(*node, stream_.IsOperator(":") || ends() ? nullptr : ParseExpression());
  Add(*node, stream_.SkipOperator(":") && !ends() ? ParseExpression() : nullptr);
  return node;
}

ExpressionPtr ExpressionParser::ParseCall(ExpressionPtr callee) {
  ExpressionPtr node = New(ExpressionKind::kCall, stream_.position());
  Add(*node, std::move(callee));
  ParseArguments(*node);
  return node;
}

void ExpressionParser::ParseArguments(Expression& call) {
  stream_.ExpectOperator("(");
  for (bool is_first = true; !stream_.IsOperator(")"); is_first = false) {
    if (!is_first) {
      stream_.ExpectOperator(",");
      if (stream_.IsOperator(")")) break;
    }
    ParseArgument(call);
  }
  stream_.ExpectOperator(")");
}

void ExpressionParser::ParseArgument(Expression& call) {
  ArgumentList& arguments = call.arguments;
  const auto ensure = [&](bool allowed) {
    if (!allowed) stream_.FailHere("invalid syntax for function call expression");
  };
  if (stream_.IsOperator("*")) {
    ensure(arguments.star == nullptr && arguments.double_star == nullptr);
    stream_.Take();
    arguments.star = ParseExpression();
    Deepen(call, arguments.star);
  } else if (stream_.IsOperator("**")) {
    ensure(arguments.double_star == nullptr);
    stream_.Take();
    arguments.double_star = ParseExpression();
    Deepen(call, arguments.double_star);
  } else if (stream_.Is(TokenType::kName) && TokenStream::IsOperator(stream_.next(), "=")) {
    ensure(arguments.double_star == nullptr);
    const std::string key = stream_.Take().text;
    for (const auto& keyword : arguments.keywords) {
      if (keyword.first == key) stream_.FailHere("keyword argument repeated: {}", key);
    }
    stream_.Take();
    arguments.keywords.emplace_back(key, ParseExpression());
    Deepen(call, arguments.keywords.back().second);
  } else {
    ensure(arguments.star == nullptr && arguments.double_star == nullptr &&
           arguments.keywords.empty());
    arguments.positional.push_back(ParseExpression());
    Deepen(call, arguments.positional.back());
  }
}

std::string ExpressionParser::ParseDottedName() {
  std::string name = stream_.ExpectAnyName();
  while (stream_.SkipOperator(".")) name += "." + stream_.ExpectAnyName();
  return name;
}

ExpressionPtr ExpressionParser::ParseFilters(ExpressionPtr value, FilterStart start) {
  while (start == FilterStart::kInline || stream_.IsOperator("|")) {
    if (start == FilterStart::kBar) stream_.Take();
    start = FilterStart::kBar;
    ExpressionPtr node = New(ExpressionKind::kFilter, stream_.position());
    node->name = ParseDottedName();
    node->filter = FindFilter(node->name);
    if (value != nullptr) Add(*node, std::move(value));
    if (stream_.IsOperator("(")) ParseArguments(*node);
    value = std::move(node);
  }
  return value;
}

bool ExpressionParser::StartsTestArgument() const {
  switch (stream_.current().type) {
    case TokenType::kString:
    case TokenType::kInteger:
    case TokenType::kFloat:
      return true;
    case TokenType::kName:
      return !stream_.IsName("else") && !stream_.IsName("or") && !stream_.IsName("and");
    default:
      return stream_.IsOperator("[") || stream_.IsOperator("{");
  }
}

ExpressionPtr ExpressionParser::ParseTest(ExpressionPtr value) {
  const Position position = stream_.Take().position;
  const bool is_negated = stream_.SkipName("not");
  ExpressionPtr node = New(ExpressionKind::kTest, position);
  node->name = ParseDottedName();
  node->predicate = FindPredicate(node->name);
  Add(*node, std::move(value));
  if (stream_.IsOperator("(")) {
    ParseArguments(*node);
  } else if (StartsTestArgument()) {
    if (stream_.IsName("is")) stream_.FailHere("tests with `is` cannot be chained");
    const SyntaxLevel level(*this);
    node->arguments.positional.push_back(ParsePostfix(ParsePrimary(NamespaceTargets::kNo)));
    Deepen(*node, node->arguments.positional.back());
  }
  if (!is_negated) return node;
  ExpressionPtr inverse = New(ExpressionKind::kNot, position);
  Add(*inverse, std::move(node));
  return inverse;
}

}  // namespace trinity::jinja

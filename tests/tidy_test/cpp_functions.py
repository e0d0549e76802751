"""Finds the functions of a C++ file: where they begin and end, parameters, nesting.

An approximation on tokens, exact on code as this project writes it: no preprocessor tricks that
open a brace which another branch closes."""

import dataclasses
import re

TOKEN = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?\*/)
      |(?P<raw>(?:u8|u|U|L)?R"(?P<tag>[^()\\\s]{0,16})\(.*?\)(?P=tag)")
      |(?P<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')
      |(?P<directive>(?m:^)[ \t]*\#(?:\\\r?\n|[^\n])*)
      |(?P<number>\.?\d(?:[eEpP][+-]|'\w|[\w.])*)
      |(?P<word>[A-Za-z_]\w*)
      |(?P<mark>->|::|&&|[^\s\w])
      |(?P<newline>\n)""",
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)
CONTROL_WORDS = {"if", "for", "while", "switch", "catch"}
BARE_CONTROL_WORDS = {"else", "do", "try"}
TYPE_WORDS = {"class", "struct", "union", "enum"}
SCOPE_KINDS = {"namespace", "type"}


@dataclasses.dataclass
class Function:
    name: str
    first_line: int
    last_line: int
    num_parameters: int
    nesting: int  # blocks within blocks, the body itself not counted
    deepest_line: int

    @property
    def num_lines(self):
        return self.last_line - self.first_line + 1


@dataclasses.dataclass
class Block:
    kind: str  # namespace, type, function, control, value
    function: Function | None = None
    depth: int = 0  # control blocks around and including this one, within its function


def tokens_of(text):
    """(token, line) without comments and preprocessor lines; a literal is one token '\"'."""
    line = 1
    for match in TOKEN.finditer(text):
        kind, token = match.lastgroup, match.group()
        if kind == "tag":
            kind = "raw"
        if kind in ("raw", "string"):
            yield '"', line
        elif kind in ("number", "word", "mark"):
            yield token, line
        line += token.count("\n")


def strip_templates(head):
    """`head` without a leading template<...> and requires-less attributes."""
    while head and head[0][0] == "template":
        depth = 0
        for index, (token, _) in enumerate(head[1:], 1):
            depth += (token == "<") - (token == ">")
            if depth == 0:
                break
        head = head[index + 1 :]
    return head


def split_parameters(head):
    """Name and number of parameters of a function whose head is `head`, or None."""
    words = [token for token, _ in head]
    for index, token in enumerate(words):
        if token != "(" or index == 0:
            continue
        name = words[index - 1]
        if (
            not re.match(r"[A-Za-z_]\w*$", name)
            and "operator" not in words[max(0, index - 3) : index]
        ):
            return None
        depth, angle, commas, tokens = 0, 0, 0, 0
        for inner in words[index:]:
            if inner in "([{":
                depth += 1
            elif inner in ")]}":
                depth -= 1
                if depth == 0:
                    break
            elif inner == "<":
                angle += 1
            elif inner == ">":
                angle = max(0, angle - 1)
            elif inner == "," and depth == 1 and angle == 0:
                commas += 1
            tokens += inner != "void"
        return name, commas + 1 if tokens > 1 else 0
    return None


def has_member_initializers(head):
    depth = 0
    seen_parameters = False
    for token, _ in head:
        depth += (token in "([{") - (token in ")]}")
        seen_parameters = seen_parameters or token == ")"
        if token == ":" and depth == 0 and seen_parameters:
            return True
    return False


def classify(head, outer):
    """What the `{` after the tokens `head` opens, inside a block of kind `outer`."""
    head = strip_templates(head)
    words = [token for token, _ in head]
    last = words[-1] if words else ""
    if outer in SCOPE_KINDS:
        if "namespace" in words or words[:1] == ["extern"] and last == '"':
            return "namespace"
        if "(" not in words and TYPE_WORDS & set(words) and "=" not in words:
            return "type"
        if split_parameters(head) is None or last in ("=", ",", "(", "{"):
            return "value"
        if has_member_initializers(head) and last not in (")", "}"):
            return "value"
        before_parameters = words[: words.index("(")]
        return (
            "value"
            if "=" in before_parameters and "operator" not in before_parameters
            else "function"
        )
    if not words:
        return "control"
    if words[0] in BARE_CONTROL_WORDS and len(words) == 1 or last in BARE_CONTROL_WORDS:
        return "control"
    if words[0] in CONTROL_WORDS or words[:2] == ["else", "if"]:
        return "control" if last == ")" or words[-2:-1] == ["constexpr"] else "value"
    if last == ":":  # a case label
        return "control"
    if TYPE_WORDS & set(words) and "(" not in words and "=" not in words:
        return "type"
    return "lambda" if last in (")", "]", "mutable", "noexcept") and "[" in words else "value"


class FunctionFinder:
    def __init__(self, text):
        self.functions = []
        self.blocks = [Block("namespace")]
        self.head = []  # tokens since the last statement ended
        self.heads = []  # of the statements around open values
        self.parentheses = 0
        for token, line in tokens_of(text):
            self._take(token, line)

    def _take(self, token, line):
        if token == "{":
            self._open(line)
        elif token == "}":
            self._close(line)
        elif token == ";" and self.parentheses == 0:
            self.head = []
        else:
            self.parentheses += (token == "(") - (token == ")")
            self.head.append((token, line))
            if token == ":" and self._is_label():
                self.head = []

    def _is_label(self):
        words = [token for token, _ in self.head]
        return (
            words[0] in ("case", "default", "public", "private", "protected")
            and self.parentheses == 0
        )

    def _open(self, line):
        outer = self.blocks[-1]
        kind = classify(self.head, outer.kind)
        block = Block(kind, outer.function, outer.depth)
        if kind == "function":
            name, num_parameters = split_parameters(strip_templates(self.head))
            block.function = Function(name, self.head[0][1], line, num_parameters, 0, line)
            block.depth = 0
            self.functions.append(block.function)
        elif kind in ("control", "lambda") and block.function:
            block.depth += 1
            if block.depth > block.function.nesting:
                block.function.nesting = block.depth
                block.function.deepest_line = line
        self.heads.append((self.head, self.parentheses))
        self.head, self.parentheses = [], 0
        self.blocks.append(block)

    def _close(self, line):
        if len(self.blocks) == 1:
            return
        block = self.blocks.pop()
        head, parentheses = self.heads.pop()
        if block.kind == "function":
            block.function.last_line = line
        if block.kind in ("value", "lambda") or block.kind == "type" and parentheses:
            self.head = head + [("{", line), ("}", line)]
            self.parentheses = parentheses
        else:
            self.head, self.parentheses = [], 0


def functions_of(text):
    return FunctionFinder(text).functions

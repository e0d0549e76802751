"""Random Jinja expressions, from the rules in grammar.txt."""

import pathlib
import re

from jinja_corpus import STRINGS

KINDS = ("any", "str", "int", "float", "bool", "list", "dict", "none", "item")
REFERENCE = re.compile(r"<(\w+)(!?)>")
SIMPLE = re.compile(r"\w+|'[^'\\]*'|\([^()]*\)|\[[^\[\]]*\]")


def read_grammar():
    rules = {}
    path = pathlib.Path(__file__).with_name("grammar.txt")
    for line in path.read_text(encoding="utf-8").split("\n"):
        if line.startswith("  "):
            alternatives.append(line[2:])
        elif line.endswith(":") and not line.startswith("#"):
            alternatives = rules.setdefault(line[:-1], [])
    return rules


class ExpressionGenerator:
    """Expands rules. Kinds steer toward expressions that work; some go astray."""

    def __init__(self, rng):
        self.rng = rng
        self.rules = read_grammar()
        self.forget()

    def forget(self):
        """Begins a template."""
        self.names = []  # of variables in scope: (kind, expression)
        self.macros = []  # (name, parameters, keywords)
        self.num_names = 0
        self.has_namespace = False
        self.can_break = False

    def pick(self, options):
        return self.rng.choice(options)

    def chance(self, probability):
        return self.rng.random() < probability

    def expand(self, rule, depth):
        """One alternative of a rule; kinds in it get `depth`."""

        def replace(match):
            name, needs_parentheses = match.groups()
            if name == "quoted":
                return self.quoted(self.pick(STRINGS))
            if name not in self.rules:
                return match.group()
            text = self.expr(name, depth) if name in KINDS else self.expand(name, depth)
            return self.wrap(text) if needs_parentheses else text

        return REFERENCE.sub(replace, self.pick(self.rules[rule]))

    def wrap(self, text):
        return text if SIMPLE.fullmatch(text) else f"({text})"

    def expr(self, kind="any", depth=3):
        if self.chance(0.02):
            kind = self.pick(KINDS)
        if depth <= 0:
            return self.leaf(kind)
        inner = depth - 1
        if self.chance(0.06):
            return f"({self.expr(kind, inner)})"
        if self.chance(0.05):
            otherwise = f" else {self.expr(kind, inner)}" if self.chance(0.8) else ""
            return f"({self.expr(kind, inner)} if {self.expr('bool', inner)}{otherwise})"
        if self.chance(0.04):
            return f"({self.expr(kind, inner)} {self.pick(['or', 'and'])} {self.expr(kind, inner)})"
        if self.chance(0.03):
            boolean = self.pick(["", ", true"])
            return f"{self.wrap(self.expr(kind, inner))}|default({self.expr(kind, inner)}{boolean})"
        if self.macros and kind in ("str", "any") and self.chance(0.1):
            return self.macro_call(depth)
        return self.expand(kind, inner)

    def leaf(self, kind):
        names = [name for named, name in self.names if named == kind]
        if names and self.chance(0.4):
            return self.pick(names)
        if self.chance(0.02):
            return self.expand("stray", 0)
        return self.expand(kind + "0", 0)

    def quoted(self, text):
        quote = self.pick("'\"")
        out = []
        for c in text:
            if c == "\n":
                out.append("\\n" if self.chance(0.9) else "\n")
            elif c == "\t":
                out.append("\\t")
            elif c in "\\" + quote:
                out.append("\\" + c)
            elif ord(c) > 127 and self.chance(0.3):
                out.append(f"\\u{ord(c):04x}" if ord(c) < 65536 else f"\\U{ord(c):08x}")
            else:
                out.append(c)
        return quote + "".join(out) + quote

    def macro_call(self, depth):
        name, parameters, keywords = self.pick(self.macros)
        arguments = [self.expr("any", depth - 1) for _ in parameters if self.chance(0.85)]
        for keyword in keywords:
            if self.chance(0.4):
                arguments.append(f"{keyword}={self.expr('any', depth - 1)}")
        if self.chance(0.05):
            arguments.append(self.pick(["*l", "**d", "zz=1", "**{'a': 1}", "*[1, 2]"]))
        return f"{name}({', '.join(arguments)})"

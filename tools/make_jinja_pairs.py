"""Writes random templates with what Python's jinja2 makes of them, for tests/chat/jinja_pairs_test.

Usage: python3 tools/make_jinja_pairs.py --count 5400 --seed 1 > tests/data/chat/jinja_pairs.jsonl
       python3 tools/make_jinja_pairs.py --templates tests/data/chat/styles \
           > tests/data/chat/jinja_styles.jsonl

Needs jinja2 3.1. The environment is the one in which transformers renders chat templates. The first
line holds the contexts; each other line is [template, index of its context, output], with null for
the output where jinja2 fails. The same seed and versions give the same file.
"""

import argparse
import datetime
import json
import pathlib
import random
import re
import signal
import sys
import warnings

import jinja2
import jinja2.ext
from jinja2.sandbox import ImmutableSandboxedEnvironment

NOW = datetime.datetime(2024, 7, 26, 13, 5, 9)


class Generation(jinja2.ext.Extension):
    """The tag {% generation %}, whose body is output like any other."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        call = self.call_method("_render")
        return jinja2.nodes.CallBlock(call, [], [], body).set_lineno(line)

    @jinja2.pass_eval_context
    def _render(self, context, caller):
        return caller()


def make_environment():
    def raise_exception(message):
        raise jinja2.exceptions.TemplateError(message)

    def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(
            x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
        )

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols]
    )
    environment.filters["tojson"] = tojson
    environment.globals["raise_exception"] = raise_exception
    environment.globals["strftime_now"] = NOW.strftime
    return environment


class TooSlow(Exception):
    pass


def on_alarm(signum, frame):
    raise TooSlow


# Outputs that name addresses or Python's own types say nothing about templates.
UNSTABLE = re.compile(r"0x[0-9a-f]{6,}|<class |<generator|<list_reverse|<function|<built-in|<bound"
                      r"|<cyfunction|<dict_|<str_|<reversed|<range_|<tuple_|<method|_iterator"
                      r"|<Cycler|<Joiner|object at")


def render(environment, template, context):
    """The output, None for a failure, or raises TooSlow."""
    signal.setitimer(signal.ITIMER_REAL, 2.0)
    try:
        return environment.from_string(template).render(**json.loads(json.dumps(context)))
    except TooSlow:
        raise
    except (MemoryError, RecursionError) as error:
        raise TooSlow from error
    except Exception:  # jinja2 lets TypeError, KeyError and others of Python through
        return None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather in a city: \"now\" & <here>",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "Größe, naïve"},
                "days": {"type": "integer", "enum": [1, 2, 3], "maximum": 2**63 - 1},
                "opt": {"type": ["string", "null"], "default": None},
            },
            "required": ["city"],
        },
    },
}

STRINGS = [
    "", " ", "a", "abc", "Hello World", "hello-world foo_bar", "  padded \n", "line1\nline2\n\nline4",
    "it's", 'say "hi"', "it's \"both\"", "tab\there", "a,b,,c", "x=1;y=2", "ÄÖÜ ß", "straße",
    "日本語テキスト", "emoji 😀 end", "<b>bold</b> & 'q'", "{{ not a template }}", "{% raw %}",
    "<|im_start|>user", "<think>\nplan\n</think>\n\nanswer", "UPPER lower", "123", "-7", "3.5", "0x1f",
    "1e3", " 42 ", "true", "a.b.c", "a b  c   d", "%s and %d", "{} {0} {name}", "back\\slash", "\u00a0nb",
    "ΑΣ ΑΣΑ", "ǆabc", "ﬁne", "zero\u200bwidth", "e\u0301", "\u2028sep", "AbC dEf", "aaa", "ababab",
    "user", "assistant", "system", "the quick brown fox jumps over the lazy dog", "I", "ı İ", "१२३", "½",
]


def make_contexts(rng):
    contexts = []
    roles = ["system", "user", "assistant", "tool"]
    for i in range(24):
        messages = []
        for _ in range(rng.randrange(0, 6)):
            message = {"role": rng.choice(roles), "content": rng.choice(STRINGS)}
            if rng.random() < 0.15:
                message["content"] = rng.choice([None, [{"type": "text", "text": rng.choice(STRINGS)},
                                                        {"type": "image"}]])
            if rng.random() < 0.2:
                message["tool_calls"] = [{"id": "call_1", "function": {
                    "name": "get_weather",
                    "arguments": rng.choice([{"city": "Zürich", "days": 2}, {}, '{"city": "Rome"}'])}}]
            if rng.random() < 0.15:
                message["reasoning_content"] = rng.choice(STRINGS)
            messages.append(message)
        contexts.append({
            "messages": messages,
            "tools": rng.choice([None, [TOOL], [TOOL, {"function": {"name": "noop", "parameters": {}}}]]),
            "add_generation_prompt": rng.random() < 0.5,
            "bos_token": "<s>",
            "eos_token": "</s>",
            "s": rng.choice(STRINGS),
            "t": rng.choice(STRINGS),
            "n": rng.choice([0, 1, 2, 3, -1, -5, 7, 10, 255, 2**31, -(2**63), 10**18]),
            "m": rng.choice([1, 2, 3, 4, 5, 8]),
            "f": rng.choice([0.0, 1.0, 0.1, -2.5, 1e16, 1e-5, 123456.789, 1e22, 2.5, 0.30000000000000004]),
            "b": rng.random() < 0.5,
            "z": None,
            "l": rng.choice([[], [1], [3, 1, 2], [1, 2, 3, 4, 5], [5, 5, 1], [-1, 0, 2.5, True]]),
            "w": rng.choice([["b", "a", "C"], ["x"], [], ["", "é", "Z", "z"], ["one", "two", "three", "two"]]),
            "d": rng.choice([{}, {"a": 1}, {"b": 2, "a": 1, "C": 3}, {"items": [1], "x y": "z", "é": None},
                             {"k": {"k": {"k": 1}}, "l": [1, {"m": 2}]}]),
            "r": [{"id": j, "name": rng.choice(STRINGS[:20]), "v": rng.choice([1, 2, 2.5, None, True]),
                   "sub": {"x": j % 2}} for j in range(rng.randrange(0, 5))],
            "nested": rng.choice([[[1, 2], [3, 4]], [[], [1]], [["a", 1], ["b", 2]], [[1, [2, 3]], []]]),
        })
    return contexts


class Generator:
    """Random templates. Kinds of expressions steer toward what works; some go astray."""

    def __init__(self, rng):
        self.rng = rng
        self.names = []
        self.macros = []
        self.loops = 0
        self.namespaces = 0
        self.counter = 0
        self.can_break = False

    def pick(self, options):
        return self.rng.choice(options)

    def chance(self, p):
        return self.rng.random() < p

    def quoted(self, text):
        rng = self.rng
        quote = rng.choice("'\"")
        out = []
        for c in text:
            if c == "\n":
                out.append("\\n" if rng.random() < 0.9 else "\n")
            elif c == "\t":
                out.append("\\t")
            elif c in "\\" + quote:
                out.append("\\" + c)
            elif ord(c) > 127 and rng.random() < 0.3:
                out.append(f"\\u{ord(c):04x}" if ord(c) < 65536 else f"\\U{ord(c):08x}")
            else:
                out.append(c)
        return quote + "".join(out) + quote

    # Expressions

    def expr(self, kind="any", depth=3):
        if self.chance(0.02):
            kind = self.pick(["str", "int", "float", "bool", "list", "dict", "none"])
        if kind == "any":
            kind = self.pick(["str", "str", "str", "int", "int", "float", "bool", "list", "list", "dict",
                              "none", "item"])
        if depth <= 0:
            return self.leaf(kind)
        if self.chance(0.06):
            return "(" + self.expr(kind, depth - 1) + ")"
        if self.chance(0.05):
            return (f"({self.expr(kind, depth - 1)} if {self.expr('bool', depth - 1)}"
                    + (f" else {self.expr(kind, depth - 1)}" if self.chance(0.8) else "") + ")")
        if self.chance(0.04):
            return f"({self.expr(kind, depth - 1)} {self.pick(['or', 'and'])} {self.expr(kind, depth - 1)})"
        if self.chance(0.03):
            return f"{self.expr(kind, depth - 1)}|default({self.expr(kind, depth - 1)}{self.pick(['', ', true'])})"
        if self.macros and kind == "str" and self.chance(0.12):
            return self.macro_call(depth)
        return getattr(self, kind)(depth)

    def leaf(self, kind):
        names = [n for k, n in self.names if k == kind]
        if names and self.chance(0.35):
            return self.pick(names)
        if self.chance(0.02):
            return self.pick(["missing", "d.missing", "loop", "loop.index", "caller", "varargs", "kwargs", "self"])
        if kind == "str":
            return self.pick(["s", "t", "bos_token", "eos_token", self.quoted(self.pick(STRINGS)),
                              self.quoted(self.pick(STRINGS)), "'a' 'b'"])
        if kind == "int":
            return self.pick(["n", "m", "0", "1", "2", "3", "-1", "-2", "7", "10", "1_000", "0x1F", "0b101",
                              "l|length", "messages|length", str(self.rng.randrange(-20, 100))])
        if kind == "float":
            return self.pick(["f", "1.5", "2.0", "0.1", "1e3", "2.5e-3", "-0.5", "3.14159", "1e20", "7.0e15"])
        if kind == "bool":
            return self.pick(["b", "true", "false", "True", "False", "add_generation_prompt"])
        if kind == "list":
            return self.pick(["l", "w", "r", "nested", "messages", "[]", "[1, 2, 3]", "['x', 'y']", "range(4)",
                              "(1, 2)", "range(3, 0, -1)", "d.keys()", "d.items()", "d.values()", "w", "l"])
        if kind == "dict":
            return self.pick(["d", "{}", "{'a': 1, 'b': [2]}", "{1: 'one', none: 2, 'x': true}", "r[0]", "d", "d"])
        if kind == "none":
            return self.pick(["z", "z", "none", "None"])
        return self.pick(["messages[0]", "r[0]", "messages[-1]", "messages[0].content", "d.a", "d['b']", "l[0]",
                          "w[-1]", "nested[0][1]", "r[0].name", "tools[0].function.name", "d.k.k", "s[0]", "l[9]",
                          "tools[0]['function']['parameters'].properties"])

    def item(self, depth):
        base = self.expr("list", depth - 1)
        return self.pick([
            lambda: f"{base}[{self.expr('int', 0)}]",
            lambda: f"{base}|first",
            lambda: f"{base}|last",
            lambda: f"{self.expr('dict', depth - 1)}[{self.expr('str', 0)}]",
            lambda: f"{self.expr('dict', depth - 1)}.{self.pick(['a', 'b', 'C', 'items', 'k', 'x', 'name', 'id'])}",
            lambda: f"{self.expr('dict', depth - 1)}.get({self.expr('str', 0)}{self.pick(['', ', 5'])})",
            lambda: f"{base}|{self.pick(['min', 'max'])}",
            lambda: self.leaf("item"),
            lambda: f"{self.expr('item', 0)}.{self.pick(['role', 'content', 'name', 'sub.x', '0', 'v'])}",
        ])()

    def none(self, depth):
        return self.leaf("none")

    def str(self, depth):
        d = depth - 1
        s = lambda: self.expr("str", d)  # noqa: E731
        i = lambda: self.expr("int", 0)  # noqa: E731
        options = [
            lambda: f"{s()} + {s()}",
            lambda: f"{s()} ~ {self.expr('any', d)}",
            lambda: f"{s()} ~ {self.expr('any', d)} ~ {s()}",
            lambda: f"{s()} * {self.pick(['2', '3', '0', '-1', 'm'])}",
            lambda: f"{self.wrap(s())}[{self.slice()}]",
            lambda: f"{self.wrap(s())}[{i()}]",
            lambda: f"{self.wrap(s())}.{self.string_method()}",
            lambda: f"{self.wrap(s())}.{self.string_method()}",
            lambda: f"{s()}|{self.string_filter()}",
            lambda: f"{s()}|{self.string_filter()}",
            lambda: f"{s()}|{self.string_filter()}|{self.string_filter()}",
            lambda: f"{self.expr('any', d)}|tojson{self.json_arguments()}",
            lambda: f"{self.expr('list', d)}|join({self.pick(['', s(), chr(39) + ', ' + chr(39)])})",
            lambda: f"{self.expr('any', d)}|string",
            lambda: self.percent_format(d),
            lambda: self.brace_format(d),
            lambda: f"{self.wrap(self.expr('item', d))}",
            lambda: f"{s()}|replace({s()}, {s()}{self.pick(['', '', ', 1'])})",
            lambda: f"strftime_now({self.pick(['%d %b %Y', '%Y-%m-%d', '%H:%M:%S', '%B %-d', '%A %j %%'])!r})",
            lambda: f"{self.expr('list', d)}|map({self.pick(['upper', 'string', 'trim', 'lower'])!r})|join('|')",
            lambda: f"{self.expr('int', d)}|filesizeformat{self.pick(['', '(true)'])}",
            lambda: f"{self.expr('dict', d)}|{self.pick(['xmlattr', 'urlencode'])}",
            lambda: f"({s()}|{self.pick(['safe', 'e', 'escape', 'forceescape'])}) {self.pick(['~', '+'])} {s()}",
        ]
        return self.pick(options)()

    def wrap(self, text):
        return text if re.fullmatch(r"\w+|'[^']*'|\([^()]*\)", text) else f"({text})"

    def slice(self):
        i = lambda: self.pick(["", "", "1", "2", "-1", "-2", "0", "n", "100", "-100"])  # noqa: E731
        if self.chance(0.3):
            return f"{i()}:{i()}:{self.pick(['', '-1', '2', '-2', '1', '3'])}"
        return f"{i()}:{i()}"

    def string_method(self):
        s = self.expr("str", 0)
        i = self.expr("int", 0)
        return self.pick([
            "upper()", "lower()", "title()", "capitalize()", "strip()", "lstrip()", "rstrip()", "swapcase()",
            "casefold()", f"strip({s})", f"lstrip({s})", f"rstrip({s})", f"replace({s}, {s})",
            f"replace({s}, 'X', {i})", f"split({s})[0]", "split()[-1]", f"split({s}, 1)|join('/')",
            f"rsplit({s}, 1)|last", "rsplit(none, 1)|list|string", "split(maxsplit=1)|string",
            "splitlines()|string", "splitlines(true)|string", f"join({self.expr('list', 1)})", f"startswith({s})",
            f"endswith({s})", f"startswith(('a', {s}))", f"find({s})", f"rfind({s})", f"count({s})", f"index({s})",
            f"find({s}, {i})", f"count({s}, 1, -1)", f"zfill({self.pick(['5', '3', '0'])})",
            f"center({self.pick(['9', '12', '0'])})", "center(8, '*')", "ljust(7, '.')", "rjust(7)",
            f"removeprefix({s})", f"removesuffix({s})", f"partition({s})|string", f"rpartition({s})[2]",
            "isdigit()", "isalpha()", "isalnum()", "isspace()", "isupper()", "islower()", "istitle()", "isdecimal()",
            "isnumeric()", "isidentifier()", "isprintable()", "isascii()", "expandtabs(4)",
            "format(1, 2, name=3)", "format_map(d)", "__class__", "__len__()", "nosuch", "nosuch()", "upper",
            "upper is callable", "title",
        ])

    def string_filter(self):
        return self.pick([
            "upper", "lower", "title", "capitalize", "trim", "length", "trim('a')", "reverse", "safe", "e", "escape",
            "forceescape", "striptags", "wordcount", "center(11)", "center", "indent", "indent(2, true)",
            "indent('> ', first=true, blank=true)", "truncate(6)", "truncate(5, true, '')", "truncate(7, false, '..', 0)",
            "wordwrap(7)", "wordwrap(9, false)", "wordwrap(5, wrapstring='|')", "urlencode", "int", "float", "int(7)",
            "int(default=-1, base=16)", "float(1.25)", "list", "first", "last", "string", "tojson", "default('x')",
            "d", "count", "format(s, n)", "format(n)", "replace('a', 'b')", "replace('', '-')", "sort|join",
            "unique|join", "batch(2)|list|string", "slice(2)|list|string", "map('upper')|join", "select|list|string",
            "max", "min", "abs", "sum", "round", "items|list", "nofilter", "attr('upper')()", "pprint", "filesizeformat",
        ])

    def json_arguments(self):
        return self.pick(["", "", "", "(indent=2)", "(indent=0)", "(indent='\\t')", "(ensure_ascii=true)",
                          "(separators=(',', ':'))", "(sort_keys=true)", "(false, 1)", "(indent=1, separators=('; ', ' = '))"])

    def percent_format(self, depth):
        spec = self.pick(["%s", "%r", "%d", "%5d", "%-5s|", "%05.1f", "%x", "%X", "%o", "%+d", "%e", "%g", "%.3s", "%c",
                          "%%", "%i", "%#x", "% d", "%10.4f", "%G", "%E"])
        argument = self.expr(self.pick(["int", "int", "float", "str", "any"]), depth)
        return self.pick([
            lambda: f"('{spec}' % {self.wrap(argument)})",
            lambda: f"('{spec} %s' % ({argument}, {self.expr('any', 0)}))",
            lambda: f"('%(a)s {spec}' % d)",
            lambda: f"'{spec}'|format({argument})",
            lambda: f"'%(x)s-%(y)d'|format(x={argument}, y=n)",
            lambda: f"('<%s>'|safe % {self.wrap(argument)})",
        ])()

    def brace_format(self, depth):
        spec = self.pick(["{}", "{0}", "{:>8}", "{:<6}|", "{:^9}", "{:*^9}", "{:05}", "{:+}", "{:,}", "{:x}", "{:#b}",
                          "{:.2f}", "{:e}", "{:g}", "{:%}", "{!r}", "{!s:>4}", "{:.3}", "{0.real}", "{0[0]}", "{0[a]}",
                          "{{}}", "{x}", "{0.__class__}", "{:_}", "{:08.3f}", "{:n}", "{:c}", "{:>{w}}", "{:G}", "{!a}"])
        argument = self.expr(self.pick(["int", "int", "float", "str", "any"]), depth)
        return f"'{spec}'.format({argument}{self.pick(['', ', x=s', ', w=5'])})"

    def int(self, depth):
        d = depth - 1
        i = lambda: self.wrap(self.expr("int", d))  # noqa: E731
        return self.pick([
            lambda: f"{i()} {self.pick(['+', '-', '*', '//', '%'])} {i()}",
            lambda: f"{i()} {self.pick(['+', '-', '*', '//', '%'])} {i()}",
            lambda: f"{self.expr('int', 0)} ** {self.pick(['2', '3', '0', '-1'])}",
            lambda: f"-{i()}",
            lambda: f"+{i()}",
            lambda: f"{self.expr('list', d)}|length",
            lambda: f"{self.expr('str', d)}|length",
            lambda: f"{i()}|abs",
            lambda: f"{self.expr('float', d)}|int",
            lambda: f"{self.expr('str', d)}|int{self.pick(['', '(3)', '(0, 16)'])}",
            lambda: f"{self.expr('list', d)}|sum",
            lambda: f"r|sum(attribute='{self.pick(['id', 'v', 'sub.x', 'none'])}')",
            lambda: f"{self.wrap(self.expr('list', d))}.{self.pick(['count', 'index'])}({self.expr('any', 0)})",
            lambda: f"{self.wrap(self.expr('str', d))}.{self.pick(['find', 'count', 'rfind'])}({self.expr('str', 0)})",
            lambda: f"{i()}|{self.pick(['round', 'round(-1)', 'int', 'string|length', 'float|int'])}",
            lambda: f"{i()}.{self.pick(['real', 'bit_length()', 'numerator', 'imag'])}",
        ])()

    def float(self, depth):
        d = depth - 1
        x = lambda: self.wrap(self.expr(self.pick(["float", "int"]), d))  # noqa: E731
        return self.pick([
            lambda: f"{x()} / {x()}",
            lambda: f"{x()} {self.pick(['+', '-', '*', '//', '%'])} {self.wrap(self.expr('float', d))}",
            lambda: f"{self.wrap(self.expr('float', d))}|round{self.pick(['', '(1)', '(2)', '(-1)'])}",
            lambda: f"{x()}|round({self.pick(['1', '0', '2'])}, '{self.pick(['ceil', 'floor', 'common', 'up'])}')",
            lambda: f"{self.expr('str', d)}|float{self.pick(['', '(2.5)'])}",
            lambda: f"{x()} ** {self.pick(['2', '-1'])}",
            lambda: "m ** 0.5",
            lambda: f"{self.wrap(self.expr('float', d))}|abs",
            lambda: f"{x()}|float",
        ])()

    def bool(self, depth):
        d = depth - 1
        a = lambda: self.expr(self.pick(["int", "str", "any"]), d)  # noqa: E731
        kind = self.pick(["int", "str", "float"])
        return self.pick([
            lambda: f"{self.expr(kind, d)} {self.pick(['<', '<=', '>', '>='])} {self.expr(kind, d)}",
            lambda: f"{a()} {self.pick(['==', '!='])} {a()}",
            lambda: f"{self.expr('int', 0)} < {self.expr('int', 0)} <= {self.expr('int', 0)}",
            lambda: f"not {self.expr('bool', d)}",
            lambda: f"{self.expr('str', d)} {self.pick(['in', 'not in'])} {self.expr('str', d)}",
            lambda: f"{self.expr('any', d)} {self.pick(['in', 'not in'])} {self.expr('list', d)}",
            lambda: f"{self.expr('str', 0)} in {self.expr('dict', d)}",
            lambda: f"{self.wrap(self.expr('any', d))} is {self.test()}",
            lambda: f"{self.wrap(self.expr('any', d))} is not {self.test()}",
            lambda: f"{self.pick(['missing', 'd.nope', 'r[9]', 's', 'z', 'd.a', 'messages[0].tool_calls'])} is "
                    f"{self.pick(['defined', 'undefined', 'none', 'not none', 'not defined', 'string', 'mapping', 'iterable'])}",
            lambda: f"{self.wrap(self.expr('str', d))}.{self.pick(['startswith', 'endswith'])}({self.expr('str', 0)})",
            lambda: f"{self.expr('bool', d)} {self.pick(['and', 'or'])} {self.expr('bool', d)}",
            lambda: f"{self.expr('int', d)} is {self.pick(['odd', 'even', 'divisibleby 3', 'divisibleby(m)'])}",
        ])()

    def test(self):
        return self.pick([
            "string", "number", "integer", "float", "boolean", "none", "mapping", "sequence", "iterable", "defined",
            "undefined", "true", "false", "callable", "upper", "lower", "escaped", "odd", "even", "in [1, 'a', none]",
            "in(l)", "eq 1", "equalto('a')", "==(2)", "ne 3", "gt 1", "lt(2)", "ge 0", "le 0", "sameas none", "sameas(true)",
            "filter", "test", "divisibleby 2", "notest", "greaterthan(1)", "lessthan 5",
        ])

    def list(self, depth):
        d = depth - 1
        x = lambda: self.expr("list", d)  # noqa: E731
        finish = self.pick(["|list", "|list", "|list", "", "|length", "|first", "|join(',')"])
        return self.pick([
            lambda: f"[{', '.join(self.expr('any', d) for _ in range(self.rng.randrange(4)))}]",
            lambda: f"({', '.join(self.expr('any', d) for _ in range(self.rng.randrange(2, 4)))})",
            lambda: f"{self.wrap(x())}[{self.slice()}]",
            lambda: f"{self.wrap(x())}[{self.slice()}]",
            lambda: f"{x()} + {x()}",
            lambda: f"{x()} * 2",
            lambda: f"{x()}|{self.pick(['reverse', 'unique', 'sort', 'sort(reverse=true)', 'sort(case_sensitive=true)'])}{finish}",
            lambda: f"{x()}|{self.pick(['batch(2)', 'slice(2)', 'batch(3, 0)', 'slice(3, none)', 'batch(m)'])}{finish}",
            lambda: f"{x()}|{self.pick(['select', 'reject'])}{self.pick(['', '(%r)' % self.pick(['odd', 'string', 'none', 'defined']), '(%r, 1)' % self.pick(['gt', 'eq', 'in', 'divisibleby'])])}{finish}",
            lambda: f"{self.pick(['r', 'messages', 'r'])}|{self.pick(['selectattr', 'rejectattr'])}({self.pick(['v', 'id', 'sub.x', 'role', 'content', 'nope'])!r}{self.pick(['', ', ' + repr(self.pick(['defined', 'none', 'string'])), ', ' + repr(self.pick(['eq', 'equalto', 'in', 'gt'])) + ', ' + self.expr('any', 0)])}){finish}",
            lambda: f"{self.pick(['r', 'messages'])}|map(attribute={self.pick(['v', 'id', 'sub.x', 'role', 'nope', 'name'])!r}{self.pick(['', ', default=0'])}){finish}",
            lambda: f"{x()}|map({self.pick(['string', 'int', 'upper', 'length', 'abs', 'float', 'tojson', 'list', 'default', 'first'])!r}){finish}",
            lambda: f"r|groupby({self.pick(['v', 'id', 'sub.x', 'name'])!r}){self.pick(['|list', '', '|map(attribute=0)|list', '|map(' + repr('last') + ')|list'])}",
            lambda: f"r|sort(attribute={self.pick(['id', 'name', 'sub.x,id', 'v', 'nope'])!r}{self.pick(['', ', reverse=true'])})",
            lambda: f"{self.wrap(self.expr('dict', d))}.{self.pick(['items()', 'keys()', 'values()'])}{self.pick(['|list', '', '|sort', '|first'])}",
            lambda: f"{self.expr('dict', d)}|{self.pick(['dictsort', 'items|list', 'list', 'dictsort(by=' + repr('value') + ')', 'dictsort(true, reverse=true)'])}",
            lambda: f"{self.wrap(self.expr('str', d))}.{self.pick(['split()', 'splitlines()', 'split(' + repr(',') + ')', 'rsplit(none, 1)', 'partition(' + repr('a') + ')'])}",
            lambda: f"range({self.pick(['m', '3', '1, 5', '5, 0, -2', '0', 'n % 5', '10, 2, -3'])}){self.pick(['', '|list', '[::-1]', '[1:]'])}",
            lambda: f"{self.expr('str', d)}|list",
            lambda: f"{x()}|{self.pick(['first', 'last', 'list', 'tojson', 'pprint', 'copy', 'items', 'append'])}",
            lambda: f"{self.wrap(x())}.{self.pick(['append(1)', 'copy()', 'pop()', 'count(1)', 'index(1)', 'extend([1])', 'append', 'nope'])}",
        ])()

    def dict(self, depth):
        d = depth - 1
        return self.pick([
            lambda: "{" + ", ".join(f"{self.expr(self.pick(['str', 'str', 'int', 'any']), 0)}: {self.expr('any', d)}"
                                    for _ in range(self.rng.randrange(4))) + "}",
            lambda: f"dict({self.pick(['a=1', 'd, x=2', 'nested', '', 'd', 's', '[[1, 2]]'])})",
            lambda: f"dict(d, **{self.expr('dict', d)})",
            lambda: f"{self.wrap(self.expr('dict', d))}.{self.pick(['copy()', 'get(' + repr('k') + ', {})', 'update({})', 'pop(1)', 'setdefault(1, 2)', 'fromkeys([1])'])}",
            lambda: self.leaf("dict"),
            lambda: f"{self.expr('list', d)}|{self.pick(['first', 'last'])}",
        ])()

    def macro_call(self, depth):
        name, parameters, keywords = self.pick(self.macros)
        arguments = [self.expr("any", depth - 1) for _ in parameters if self.chance(0.85)]
        for keyword in keywords:
            if self.chance(0.4):
                arguments.append(f"{keyword}={self.expr('any', depth - 1)}")
        if self.chance(0.05):
            arguments.append(self.pick(["*l", "**d", "zz=1", "**{'a': 1}", "*[1, 2]"]))
        return f"{name}({', '.join(arguments)})"

    # Statements

    def tag(self, text):
        left = self.pick(["{%", "{%", "{%-", "{%-", "{%+"]) if self.chance(0.7) else "{%"
        right = self.pick(["%}", "%}", "-%}", "-%}", "+%}"]) if self.chance(0.7) else "%}"
        return f"{left} {text} {right}"

    def text(self):
        return self.pick(["", "", "\n", "\n", "  ", "\n    ", "x", "a b", "<|im_start|>", "Text.\n", "  \n  ", " - ", "{", "}",
                          "é", "\n\n", "# not\n", "\t", "[{", "'", "a\n b \n"])

    def body(self, depth, count=None):
        names, macros = list(self.names), list(self.macros)
        out = []
        for _ in range(count if count is not None else self.rng.randrange(1, 4)):
            out.append(self.text())
            out.append(self.statement(depth))
        out.append(self.text())
        self.names, self.macros = names, macros
        return "".join(out)

    def fresh(self, prefix):
        self.counter += 1
        return f"{prefix}{self.counter}" if self.chance(0.6) else prefix

    def output(self, depth=3):
        left = self.pick(["{{ ", "{{ ", "{{- ", "{{", "{{+ "])
        right = self.pick([" }}", " }}", " -}}", "}}"])
        expression = self.expr("any", self.rng.randrange(0, depth + 1))
        if expression.startswith("{") and left in ("{{",):
            left = "{{ "
        if expression.endswith("}"):
            right = " }}"
        return left + expression + right

    def statement(self, depth):
        if depth <= 0:
            return self.output(2)
        options = ["output"] * 7 + ["if_"] * 3 + ["for_"] * 4 + ["set_"] * 4 + ["set_block", "macro", "macro", "call_block",
                   "filter_block", "with_", "raw", "comment", "namespace", "namespace", "generation", "loop_control",
                   "loop_output", "loop_output", "special", "block"]
        return getattr(self, self.pick(options))(depth)

    def if_(self, depth):
        out = self.tag(f"if {self.expr('bool', 2)}") + self.body(depth - 1, 1)
        while self.chance(0.25):
            out += self.tag(f"elif {self.expr('bool', 2)}") + self.body(depth - 1, 1)
        if self.chance(0.4):
            out += self.tag("else") + self.body(depth - 1, 1)
        return out + self.tag("endif")

    def for_(self, depth):
        names = list(self.names)
        kind = self.pick(["plain", "plain", "plain", "pairs", "items", "recursive", "triple"])
        variable = self.fresh(self.pick(["x", "item", "message", "s"]))
        condition = f" if {self.expr('bool', 1)}" if self.chance(0.2) else ""
        if kind == "pairs":
            head = f"{variable}, y in {self.pick(['nested', 'd.items()', 'd|dictsort', 'd|items', 'r|groupby(' + repr('id') + ')', 'l'])}"
            self.names.append(("any", "y"))
        elif kind == "items":
            head = f"{variable} in messages"
            self.names += [("item", variable), ("str", f"{variable}.role"), ("any", f"{variable}.content")]
        elif kind == "triple":
            head = f"{variable}, (y, q) in [[1, [2, 3]], ['a', 'bc']]"
            self.names += [("any", "y"), ("any", "q")]
        else:
            head = f"{variable} in {self.expr('list', 2)}"
        self.names.append((self.pick(["any", "str", "int", "item", "list"]), variable))
        if condition and self.chance(0.5):
            condition = f" if {variable} is {self.test()}"
        outer, self.can_break = self.can_break, True
        self.loops += 1
        recursive = kind == "recursive"
        inside = self.body(depth - 1)
        if recursive:
            inside += "{{ loop.depth }}" + f"{{% if {variable} is iterable and {variable} is not string and loop.depth < 4 %}}" \
                f"{{{{ loop({variable}) }}}}{{% endif %}}"
        self.loops -= 1
        self.can_break = outer
        self.names = names
        out = self.tag(f"for {head}{condition}{' recursive' if recursive else ''}") + inside
        if self.chance(0.2):
            out += self.tag("else") + self.body(depth - 1, 1)
        return out + self.tag("endfor")

    def loop_output(self, depth):
        return "{{ " + self.pick([
            "loop.index", "loop.index0", "loop.first", "loop.last", "loop.length", "loop.revindex", "loop.revindex0",
            "loop.previtem", "loop.nextitem", "loop.cycle('a', 'b')", "loop.changed(loop.index // 2)", "loop.depth0",
            "loop", "loop.nope", "loop.previtem is defined", "', ' if not loop.last", "loop.cycle()", "loop.index is odd",
        ]) + " }}"

    def loop_control(self, depth):
        if not self.can_break and self.chance(0.9):
            return self.output()
        word = self.pick(["break", "continue"])
        if self.chance(0.8):
            return self.tag(f"if {self.pick(['loop.index > 1', 'loop.first', self.expr('bool', 1)])}") + self.tag(word) \
                + self.tag("endif")
        return self.tag(word)

    def set_(self, depth):
        kind = self.pick(["str", "int", "list", "dict", "bool", "float", "any"])
        name = self.pick(["v1", "v2", "v3", "s", "n", "acc"])
        value = self.expr(kind, 2)
        if self.chance(0.1):
            out = self.tag(f"set {name}, w2 = {self.pick(['1, 2', 'nested[0]', '(s, t)', 'l', 's'])}")
            self.names.append(("any", "w2"))
            return out
        if self.chance(0.05):
            return self.tag(f"set {name} = {value}, {self.expr('any', 1)}")
        self.names.append((kind, name))
        return self.tag(f"set {name} = {value}")

    def set_block(self, depth):
        name = self.pick(["v1", "v2", "s", "blk"])
        filters = self.pick(["", "", " | upper", " | trim | length", " | indent(2)"])
        inside = self.body(depth - 1, 1)
        self.names.append(("str", name))
        return self.tag(f"set {name}{filters}") + inside + self.tag("endset")

    def namespace(self, depth):
        if self.namespaces == 0 or self.chance(0.3):
            self.namespaces += 1
            out = self.tag(f"set ns = namespace({self.pick(['a=1, b=s', 'd, a=0, b=' + repr(''), 'a=0, b=' + repr('')])})")
            if self.chance(0.5):
                return out
        else:
            out = ""
        return out + self.pick([
            lambda: self.tag(f"set ns.a = ns.a + {self.expr('int', 1)}"),
            lambda: self.tag(f"set ns.b = ns.b ~ {self.expr('any', 1)}"),
            lambda: self.tag(f"set ns.{self.pick(['c', 'a'])} = {self.expr('any', 2)}"),
            lambda: self.tag("set ns.b") + self.body(0, 1) + self.tag("endset"),
            lambda: "{{ ns.a }}/{{ ns.b }}/{{ ns.c }}",
            lambda: "{{ ns }}",
            lambda: self.tag(f"set {self.pick(['d', 's', 'loop'])}.x = 1"),
        ])()

    def macro(self, depth):
        name = self.fresh("mac")
        parameters = self.pick([[], ["p"], ["p", "q"], ["p", "s"]])
        keywords = self.pick([[], [], ["k"], ["k", "j"]])
        signature = parameters + [f"{k}={self.expr('any', 1)}" for k in keywords]
        saved = (list(self.names), list(self.macros), self.can_break, self.namespaces)
        self.can_break = False
        for p in parameters + keywords:
            self.names.append((self.pick(["str", "any", "int", "list"]), p))
        inside = self.body(depth - 1)
        if self.chance(0.3):
            inside += self.pick(["{{ varargs }}", "{{ kwargs }}", "{{ caller() }}", "{{ caller is defined }}",
                                 "{% if caller %}[{{ caller(1) }}]{% endif %}", "{{ varargs|length }}{{ kwargs|tojson }}",
                                 "{{ " + name + ".name }}{{ " + name + ".arguments }}", "{{ " + name + " }}"])
        self.names, self.macros, self.can_break, self.namespaces = saved
        out = self.tag(f"macro {name}({', '.join(signature)})") + inside + self.tag("endmacro")
        self.macros.append((name, parameters, keywords))
        if self.chance(0.7):
            out += self.text() + "{{ " + self.macro_call(2) + " }}"
        return out

    def call_block(self, depth):
        if not self.macros:
            return ("{% macro wrap(k='') %}<{{ k }}{{ caller(" + self.pick(["", "1", "s, n"]) + ") }}>{% endmacro %}"
                    + self.tag(self.pick(["call", "call(u)", "call(u, v=2)"]) + f" wrap({self.pick(['', 's', 'k=n'])})")
                    + self.pick(["", "{{ u }}"]) + self.body(depth - 1, 1) + self.tag("endcall"))
        return self.tag(f"call {self.macro_call(1)}") + self.body(depth - 1, 1) + self.tag("endcall")

    def filter_block(self, depth):
        return self.tag(f"filter {self.pick(['upper', 'trim', 'indent(2)', 'replace(s, t)', 'length', 'e', 'trim|upper', 'title'])}") \
            + self.body(depth - 1, 1) + self.tag("endfilter")

    def with_(self, depth):
        names = list(self.names)
        head = self.pick([f"v1 = {self.expr('any', 1)}", f"v1 = {self.expr('any', 1)}, v2 = v1", "", "a, b = nested[0]"])
        self.names += [("any", "v1"), ("any", "v2")]
        out = self.tag(f"with {head}") + self.body(depth - 1, 1) + self.tag("endwith")
        self.names = names
        return out

    def raw(self, depth):
        return self.tag("raw").replace("{%+ raw +%}", "{% raw %}").replace("+%}", "%}") \
            + self.pick(["{{ x }}", "{% if %}", "\n a \n", "{# c #}", "  "]) + self.tag("endraw")

    def comment(self, depth):
        return self.pick(["{# c #}", "{#- c -#}", "{#c\n c#}", "{# {{ x }} #}", "{#- x #}\n", "{#+ y +#}", "{##}", "{#-#}"])

    def generation(self, depth):
        outer, self.can_break = self.can_break, False
        out = self.tag("generation") + self.body(depth - 1, 1) + self.tag("endgeneration")
        self.can_break = outer
        return out

    def block(self, depth):
        outer, self.can_break = self.can_break, False
        self.counter += 1
        out = self.tag(f"block b{self.counter}{self.pick(['', ' scoped'])}") + self.body(depth - 1, 1) + self.tag("endblock")
        self.can_break = outer
        return out

    def special(self, depth):
        return self.pick([
            lambda: "{{ raise_exception('stop: ' ~ s) }}" if self.chance(0.3) else "{{ joiner is callable }}",
            lambda: "{% set j = joiner('; ') %}{% for x in l %}{{ j() }}{{ x }}{% endfor %}",
            lambda: "{% set c = cycler('a', 'b', 3) %}{{ c.next() }}{{ c.next() }}{{ c.current }}{{ c.reset() }}{{ c.next() }}",
            lambda: "{% print s, n %}",
            lambda: "{% autoescape false %}" + self.body(0, 1) + "{% endautoescape %}",
            lambda: "{% set g = w|map('upper') %}{{ g|list }}{{ g|list }}{{ g|first }}",
            lambda: "{% if false %}{% set q1 = 1 %}{% endif %}{{ q1 }}{{ q1 is defined }}",
            lambda: "{% for x in l %}{{ acc }}{% set acc = x %}{{ acc }}{% endfor %}{{ acc }}",
            lambda: "{% macro late() %}{{ after }}{% endmacro %}{{ late() }}{% set after = 5 %}{{ late() }}",
            lambda: "{{ " + self.pick(["s.__class__", "s.__class__.__mro__", "''.__class__ is defined", "d.__init__", "l.append",
                                      "l.append is defined", "d.update is defined", "messages._x", "range.__name__", "missing",
                                      "missing.x", "missing['x']", "missing()", "missing + 1", "missing ~ 1", "missing == missing",
                                      "missing|length", "missing in [1]", "1 in missing", "-missing", "missing|list", "not missing",
                                      "missing|default('d')", "missing|upper", "missing < 1", "missing|join", "missing|tojson",
                                      "missing|int", "missing.__x__", "(1).real", "1.5.is_integer()", "'%s' % missing"]) + " }}",
            lambda: self.pick(["{{ }}", "{% %}", "{{ 1 + }}", "{% if %}", "{% endif %}", "{{ (1 }}", "{{ 'abc }}", "{% for x %}{% endfor %}",
                               "{% set 1 = 2 %}", "{{ 1 2 }}", "{% unknown %}", "{{ a b }}", "{% for loop in l %}{% endfor %}", "{{ x|nope }}",
                               "{% if 0 %}{{ x|nope }}{% endif %}ok", "{{ 1 is nope }}", "{% include 'x' %}", "{% else %}", "{{ s | }}",
                               "{{ not }}", "{{ x..y }}", "{{ {'a' 1} }}", "{{ [1, }}", "{% macro %}{% endmacro %}", "{% do 1 %}", "{{ 1if 1 }}",
                               "{{ 0777 }}", "{{ 1__0 }}", "{{ '\\x4' }}", "{{ $ }}", "{% set x %}", "{# open", "{{ open", "{% raw %}"])
            if self.chance(0.35) else "{{ 'a' 'b' \"c\" }}",
        ])()

    def template(self):
        self.__init__(self.rng)
        out = []
        for _ in range(self.rng.randrange(1, 5)):
            out.append(self.text())
            out.append(self.statement(self.rng.randrange(1, 4)))
        out.append(self.text())
        return "".join(out)


def emit(record):
    print(json.dumps(record, ensure_ascii=False, separators=(",", ":")))


def random_pairs(count, seed):
    rng = random.Random(seed)
    environment = make_environment()
    contexts = make_contexts(rng)
    emit({"contexts": contexts})
    generator = Generator(rng)
    made = failing = 0
    seen = set()
    while made < count:
        template = generator.template()
        index = rng.randrange(len(contexts))
        if len(template) > 700 or template in seen:
            continue
        try:
            template.encode()
            output = render(environment, template, contexts[index])
        except TooSlow:
            continue
        if output is None:
            # Two failing templates in ten are enough.
            if failing * 5 > made:
                continue
            failing += 1
        elif len(output) > 1500 or UNSTABLE.search(output):
            continue
        seen.add(template)
        made += 1
        emit([template, index, output])
    print(f"{made} pairs, {failing} of them fail", file=sys.stderr)


STYLE_CONVERSATIONS = [
    {"messages": [{"role": "user", "content": "Hello"}]},
    {"messages": [{"role": "system", "content": " Be brief. "}, {"role": "user", "content": "2 <|im_end|> é"}]},
    {"messages": [{"role": "user", "content": "1"}, {"role": "assistant", "content": "one"},
                  {"role": "user", "content": " 2 \n"}], "add_generation_prompt": False},
    {"messages": [{"role": "user", "content": "Weather?"},
                  {"role": "assistant", "content": "", "reasoning_content": "look it up", "tool_calls": [
                      {"id": "call_1", "type": "function", "function": {
                          "name": "get_weather", "arguments": {"city": "Zürich", "days": 2, "nested": [1, {"a": None}]}}}]},
                  {"role": "tool", "name": "get_weather", "tool_call_id": "call_1", "content": "{\"t\": 5}"},
                  {"role": "assistant", "content": "<think>\nok\n</think>\n\nIt is 5."},
                  {"role": "user", "content": "Thanks"}], "tools": [TOOL]},
    {"messages": [{"role": "system", "content": "S"}, {"role": "user", "content": [
        {"type": "text", "text": "What is this?"}, {"type": "image", "image_url": "u"}]}],
     "tools": [TOOL, {"type": "function", "function": {"name": "noop", "description": "", "parameters": {
         "type": "object", "properties": {}}}}], "enable_thinking": False},
    {"messages": []},
    {"messages": [{"role": "assistant", "content": "first"}, {"role": "assistant", "content": "second"}],
     "enable_thinking": True, "reasoning_effort": "high"},
    {"messages": [{"role": "wizard", "content": "x"}], "documents": [{"title": "T", "text": "body"}]},
]


def style_pairs(folder):
    environment = make_environment()
    contexts = []
    for conversation in STYLE_CONVERSATIONS:
        context = {"tools": None, "documents": None, "add_generation_prompt": True, "bos_token": "<s>", "eos_token": "</s>"}
        context.update(conversation)
        contexts.append(context)
    emit({"contexts": contexts})
    for path in sorted(pathlib.Path(folder).glob("*.jinja")):
        template = path.read_text(encoding="utf-8")
        for index, context in enumerate(contexts):
            emit([template, index, render(environment, template, context)])


def main():
    sys.stdout.reconfigure(encoding="utf-8", newline="\n")
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGALRM, on_alarm)
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=5400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--templates")
    arguments = parser.parse_args()
    if arguments.templates:
        style_pairs(arguments.templates)
    else:
        random_pairs(arguments.count, arguments.seed)


if __name__ == "__main__":
    main()

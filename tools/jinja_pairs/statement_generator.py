"""Random Jinja templates."""

from expression_generator import ExpressionGenerator

TEXTS = ["", "", "\n", "\n", "  ", "\n    ", "x", "a b", "<|im_start|>", "Text.\n", "  \n  ", " - "]
TEXTS += ["{", "}", "é", "\n\n", "# not\n", "\t", "[{", "'", "a\n b \n"]
COMMENTS = ["{# c #}", "{#- c -#}", "{#c\n c#}", "{# {{ x }} #}", "{#- x #}\n", "{#+ y +#}", "{##}"]
STATEMENTS = ["output"] * 7 + ["if_"] * 3 + ["for_"] * 4 + ["set_"] * 4
STATEMENTS += ["set_block", "macro", "macro", "call_block", "filter_block", "with_", "raw"]
STATEMENTS += ["comment", "namespace", "namespace", "generation", "loop_control", "loop_output"]
STATEMENTS += ["loop_output", "special", "block"]


class TemplateGenerator(ExpressionGenerator):
    """Random statements around random expressions."""

    def template(self):
        self.forget()
        out = []
        for _ in range(self.rng.randrange(1, 5)):
            out += [self.text(), self.statement(self.rng.randrange(1, 4))]
        return "".join(out) + self.text()

    def tag(self, text):
        left = self.pick(["{%", "{%", "{%", "{%-", "{%-", "{%+"])
        right = self.pick(["%}", "%}", "%}", "-%}", "-%}", "+%}"])
        return f"{left} {text} {right}"

    def text(self):
        return self.pick(TEXTS)

    def body(self, depth, count=None):
        names, macros = list(self.names), list(self.macros)
        out = []
        for _ in range(count or self.rng.randrange(1, 4)):
            out += [self.text(), self.statement(depth)]
        self.names, self.macros = names, macros
        return "".join(out) + self.text()

    def function_body(self, depth):
        """A body that no break can leave."""
        outer, self.can_break = self.can_break, False
        out = self.body(depth - 1, 1)
        self.can_break = outer
        return out

    def fresh(self, prefix):
        self.num_names += 1
        return f"{prefix}{self.num_names}" if self.chance(0.6) else prefix

    def output(self, depth=3):
        left = self.pick(["{{ ", "{{ ", "{{- ", "{{", "{{+ "])
        right = self.pick([" }}", " }}", " -}}", "}}"])
        expression = self.expr("any", self.rng.randrange(0, depth + 1))
        if expression.startswith("{"):
            left = "{{ "
        if expression.endswith("}"):
            right = " }}"
        return left + expression + right

    def statement(self, depth):
        if depth <= 0:
            return self.output(2)
        return getattr(self, self.pick(STATEMENTS))(depth)

    def if_(self, depth):
        out = self.tag(f"if {self.expr('bool', 2)}") + self.body(depth - 1, 1)
        while self.chance(0.25):
            out += self.tag(f"elif {self.expr('bool', 2)}") + self.body(depth - 1, 1)
        if self.chance(0.4):
            out += self.tag("else") + self.body(depth - 1, 1)
        return out + self.tag("endif")

    def loop_head(self, kind, variable):
        if kind == "pairs":
            self.names.append(("any", "y"))
            pairs = ["nested", "d.items()", "d|dictsort", "d|items", "r|groupby('id')", "l"]
            return f"{variable}, y in {self.pick(pairs)}"
        if kind == "messages":
            self.names += [("item", variable), ("str", f"{variable}.role")]
            self.names.append(("any", f"{variable}.content"))
            return f"{variable} in messages"
        if kind == "triple":
            self.names += [("any", "y"), ("any", "q")]
            return f"{variable}, (y, q) in [[1, [2, 3]], ['a', 'bc']]"
        return f"{variable} in {self.expr('list', 2)}"

    def for_(self, depth):
        names = list(self.names)
        kind = self.pick(["plain"] * 3 + ["pairs", "messages", "recursive", "triple"])
        variable = self.fresh(self.pick(["x", "item", "message", "s"]))
        head = self.loop_head(kind, variable)
        self.names.append((self.pick(["any", "str", "int", "item", "list"]), variable))
        if self.chance(0.2):
            conditions = [f"{variable} is {self.expand('test', 0)}", self.expr("bool", 1)]
            head += f" if {self.pick(conditions)}"
        outer, self.can_break = self.can_break, True
        inside = self.body(depth - 1)
        if kind == "recursive":
            head += " recursive"
            inside += (
                "{{ loop.depth }}{% if "
                + f"{variable} is iterable and {variable} is not string and loop.depth < 4"
                + " %}{{ loop("
                + variable
                + ") }}{% endif %}"
            )
        self.can_break = outer
        self.names = names
        out = self.tag("for " + head) + inside
        if self.chance(0.2):
            out += self.tag("else") + self.body(depth - 1, 1)
        return out + self.tag("endfor")

    def loop_output(self, depth):
        return "{{ " + self.expand("loop_member", 0) + " }}"

    def loop_control(self, depth):
        if not self.can_break and self.chance(0.9):
            return self.output()
        word = self.tag(self.pick(["break", "continue"]))
        if self.chance(0.2):
            return word
        condition = self.pick(["loop.index > 1", "loop.first", self.expr("bool", 1)])
        return self.tag(f"if {condition}") + word + self.tag("endif")

    def set_(self, depth):
        kind = self.pick(["str", "int", "list", "dict", "bool", "float", "any"])
        name = self.pick(["v1", "v2", "v3", "s", "n", "acc"])
        value = self.expr(kind, 2)
        if self.chance(0.1):
            self.names.append(("any", "w2"))
            return self.tag(f"set {name}, w2 = {self.pick(['1, 2', 'nested[0]', '(s, t)', 'l'])}")
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
        out = ""
        if not self.has_namespace or self.chance(0.3):
            self.has_namespace = True
            start = self.pick(["a=1, b=s", "d, a=0, b=''", "a=0, b=''"])
            out = self.tag(f"set ns = namespace({start})")
        if self.chance(0.5):
            return out + self.tag(self.expand("assignment", 1))
        shown = ["{{ ns.a }}/{{ ns.b }}/{{ ns.c }}", "{{ ns }}"]
        shown.append(self.tag("set ns.b") + self.body(0, 1) + self.tag("endset"))
        return out + self.pick(shown)

    def macro(self, depth):
        name = self.fresh("mac")
        parameters = self.pick([[], ["p"], ["p", "q"], ["p", "s"]])
        keywords = self.pick([[], [], ["k"], ["k", "j"]])
        signature = parameters + [f"{k}={self.expr('any', 1)}" for k in keywords]
        names, macros, has_namespace = list(self.names), list(self.macros), self.has_namespace
        outer, self.can_break = self.can_break, False
        for parameter in parameters + keywords:
            self.names.append((self.pick(["str", "any", "int", "list"]), parameter))
        inside = self.body(depth - 1)
        if self.chance(0.3):
            inside += self.pick(
                [
                    "{{ varargs }}",
                    "{{ kwargs }}",
                    "{{ caller() }}",
                    "{{ caller is defined }}",
                    "{% if caller %}[{{ caller(1) }}]{% endif %}",
                    "{{ varargs|length }}{{ kwargs|tojson }}",
                    "{{ " + name + ".name }}{{ " + name + ".arguments }}",
                    "{{ " + name + " }}",
                ]
            )
        self.names, self.macros, self.has_namespace = names, macros, has_namespace
        self.can_break = outer
        out = self.tag(f"macro {name}({', '.join(signature)})") + inside + self.tag("endmacro")
        self.macros.append((name, parameters, keywords))
        if self.chance(0.7):
            out += self.text() + "{{ " + self.macro_call(2) + " }}"
        return out

    def call_block(self, depth):
        body = self.function_body(depth) + self.tag("endcall")
        if self.macros:
            return self.tag(f"call {self.macro_call(1)}") + body
        given = self.pick(["", "1", "s, n"])
        macro = "{% macro wrap(k='') %}<{{ k }}{{ caller(" + given + ") }}>{% endmacro %}"
        head = self.pick(["call", "call(u)", "call(u, v=2)"])
        call = self.tag(f"{head} wrap({self.pick(['', 's', 'k=n'])})")
        return macro + call + self.pick(["", "{{ u }}"]) + body

    def filter_block(self, depth):
        head = self.tag(f"filter {self.expand('block_filter', 0)}")
        return head + self.body(depth - 1, 1) + self.tag("endfilter")

    def with_(self, depth):
        names = list(self.names)
        first = f"v1 = {self.expr('any', 1)}"
        head = self.pick([first, first + ", v2 = v1", "", "a, b = nested[0]"])
        self.names += [("any", "v1"), ("any", "v2")]
        out = self.tag(f"with {head}") + self.body(depth - 1, 1) + self.tag("endwith")
        self.names = names
        return out

    def raw(self, depth):
        begin = self.pick(["{% raw %}", "{%- raw %}", "{% raw -%}", "{%- raw -%}", "{%+ raw %}"])
        inside = self.pick(["{{ x }}", "{% if %}", "\n a \n", "{# c #}", "  "])
        return begin + inside + self.tag("endraw")

    def comment(self, depth):
        return self.pick(COMMENTS)

    def generation(self, depth):
        return self.tag("generation") + self.function_body(depth) + self.tag("endgeneration")

    def block(self, depth):
        self.num_names += 1
        head = self.tag(f"block b{self.num_names}{self.pick(['', ' scoped'])}")
        return head + self.function_body(depth) + self.tag("endblock")

    def special(self, depth):
        return self.expand("special", 1)

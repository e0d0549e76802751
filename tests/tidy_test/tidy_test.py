#!/usr/bin/env python3
"""Holds the house rules of CONTRIBUTING.md against the tree, and shows that each rule can fail.

Run by ctest; by hand: python3 -B tests/tidy_test/tidy_test.py"""

import pathlib
import sys
import tempfile
import unittest

import document_rules
import hostile_rules
import include_rules
import page_rules
import source_rules
from cpp_functions import functions_of
from source_tree import SourceTree

ROOT = pathlib.Path(__file__).resolve().parents[2]

RULES = [
    include_rules.includes_follow_the_layers,
    include_rules.layer_diagram_has_no_cycle,
    include_rules.drawn_layers_are_those_of_the_build,
    source_rules.folders_are_named_by_content,
    source_rules.file_names_are_snake_case,
    source_rules.file_names_are_unique,
    source_rules.types_are_unique,
    source_rules.files_are_short,
    source_rules.lines_are_short,
    source_rules.lines_end_cleanly,
    source_rules.functions_are_small,
    source_rules.python_functions_are_small,
    source_rules.nothing_is_left_unfinished,
    source_rules.headers_explain_themselves,
    page_rules.page_makes_no_markup_out_of_text,
    page_rules.scripts_explain_themselves,
    document_rules.readme_is_short,
    document_rules.test_data_is_small,
    document_rules.links_resolve,
    document_rules.named_paths_exist,
    document_rules.documented_commands_exist,
    document_rules.commands_are_documented,
    hostile_rules.hostile_inputs_have_tests,
]


def findings_of(root):
    tree = SourceTree(root)
    return [finding for rule in RULES for finding in rule(tree)]


GOOD_TREE = {
    "CMakeLists.txt": "add_layer(base USES NONE LIBRARIES fmt::fmt)\n"
    "add_layer(kernels USES base LIBRARIES hwy::hwy)\n"
    "add_layer(model USES base kernels)\n",
    "README.md": "Read [the map](docs/map.md#the-map), `src/base/shape.h` and `trinity run`.\n",
    "docs/map.md": "# The map\n",
    "docs/architecture.md": "kernels --> base\nmodel --> base\nmodel --> kernels\ncli --> base\n",
    "src/base/shape.h": "#pragma once\n\n#include <string>\n\n// A shape.\nstruct Shape {};\n",
    "src/base/shape.cc": '#include "base/shape.h"\n',
    "src/kernels/add.h": '#pragma once\n\n#include "base/shape.h"\n\n// Adds.\nvoid Add();\n',
    "src/kernels/add.cc": '#include "kernels/add.h"\n\n#include <hwy/highway.h>\n\nvoid Add() {}\n',
    "src/model/block.cc": '#include "kernels/add.h"\n\nvoid Forward() { Add(); }\n',
    "src/cli/run_command.cc": '#include <iostream>\n\n#include "base/shape.h"\n',
    "tests/kernels/add_test.cc": '#include "kernels/add.h"\n#include "tests/support/paths.h"\n',
    "tests/support/paths.h": "#pragma once\n\n// Paths.\n",
    "tests/data/golden.bin": "x",
    "tests/base/shape_test.cc": "TEST(Shape, RefusesNothing) {}\nTEST_F(Shape, RefusesAll) {}\n",
    "tests/hostile_inputs.txt": "# Shapes\nno shape\n  Shape.RefusesNothing\n  Shape.RefusesAll\n",
}


def body(num_lines):
    return "".join(f"  x += {i};\n" for i in range(num_lines))


# What is written into the good tree, the rule that has to see it, and where.
VIOLATIONS = [
    (
        "layer",
        "src/base/up.cc:1",
        '#include "model/block.h"\n',
        {"src/model/block.h": "#pragma once\n// B.\n"},
    ),
    (
        "layer",
        "src/kernels/side.cc:2",
        '// Side.\n#include "model/block.h"\n',
        {"src/model/block.h": "#pragma once\n// B.\n"},
    ),
    ("layer", "src/model/simd.cc:1", "#include <hwy/highway.h>\n", {}),
    ("layer", "src/model/vectors.cc:1", "#include <immintrin.h>\n", {}),
    ("layer", "src/model/print.cc:1", "#include <iostream>\n", {}),
    ("layer", "src/stray/new.cc", "// New.\n", {}),
    (
        "layer",
        "CMakeLists.txt",
        "add_layer(base USES kernels)\nadd_layer(kernels USES base)\n"
        "add_layer(model USES base kernels)\n",
        {
            "src/kernels/add.cc": "void Add() {}\n",
            "docs/architecture.md": GOOD_TREE["docs/architecture.md"] + "base --> kernels\n",
        },
    ),
    ("include", "src/model/gone.cc:1", '#include "base/gone.h"\n', {}),
    ("include", "src/model/relative.cc:1", '#include "block.h"\n', {}),
    ("include", "src/model/tested.cc:1", '#include "tests/support/paths.h"\n', {}),
    ("name", "src/base/util/text.cc", "// Text.\n", {}),
    ("name", "src/base/text_helpers.cc", "// Text.\n", {}),
    ("name", "src/base/BadName.cc", "// Bad.\n", {}),
    ("name", "src/model/shape.cc", "// Twice.\n", {}),
    ("name", "tests/model/add_test.cc", "// Twice.\n", {}),
    ("name", "src/model/figure.h:4", "#pragma once\n\n// A shape.\nstruct Shape {};\n", {}),
    ("length", "src/base/long.cc:501", "// Line.\n" * 501, {}),
    ("length", "src/base/wide.cc:1", "// " + "x" * 98 + "\n", {}),
    ("whitespace", "src/base/trailing.cc:1", "// Space. \n", {}),
    ("whitespace", "src/base/tabbed.cc:1", "//\tTab.\n", {}),
    ("whitespace", "src/base/endless.cc:1", "// No newline.", {}),
    ("function", "src/base/big.cc:2", "\nvoid Big(int x) {\n" + body(69) + "}\n", {}),
    (
        "function",
        "src/base/many.cc:1",
        "void Many(int a, int b, int c, int d, int e, int f, int g) {}\n",
        {},
    ),
    (
        "function",
        "src/base/deep.cc:6",
        "void Deep(int x) {\n  if (x) {\n    for (;;) {\n      while (x) {\n"
        "        if (x) {\n          if (x) {\n          }\n        }\n      }\n    }\n  }\n}\n",
        {},
    ),
    ("function", "tools/big.py:1", "def big():\n" + "    pass\n" * 70, {}),
    ("word", "src/base/undone.cc:2", "// A.\n// TO" "DO: more\n", {}),
    ("word", "docs/place.md:1", "See /ho" "me/me/file.\n", {}),
    ("name", "src/page/badName.js", "// Bad.\n", {}),
    ("length", "src/page/wide.css:1", "/* " + "x" * 98 + " */\n", {}),
    ("page", "src/page/markup.js:2", "// Shows.\nnode.innerHTML = text;\n", {}),
    ("page", "src/page/bare.js:1", "run();\n", {}),
    ("header", "src/base/bare.h:1", "#pragma once\nstruct Bare {};\n", {}),
    ("header", "src/base/twice.h:1", "// Twice.\nstruct Twice {};\n", {}),
    ("document", "README.md:151", "`trinity run`\n" * 151, {}),
    ("size", "tests/data", None, {"tests/data/huge.bin": "x" * ((25 << 20) + 1)}),
    ("link", "docs/lost.md:1", "[here](nowhere.md)\n", {}),
    ("link", "docs/anchor.md:1", "[here](map.md#no-such)\n", {}),
    ("link", "docs/path.md:1", "`src/base/gone.h`\n", {}),
    ("hostile", "tests/hostile_inputs.txt:1", "no shape\n", {}),
    ("hostile", "tests/hostile_inputs.txt:1", "no shape\nall\n  Shape.RefusesAll\n", {}),
    ("hostile", "tests/hostile_inputs.txt:2", "\nno shape\n  Shape.RefusesSome\n", {}),
    ("hostile", "tests/hostile_inputs.txt:1", "  Shape.RefusesAll\n", {}),
    ("command", "docs/command.md:2", "```\ntrinity fly\n```\n", {}),
    ("command", "src/cli/fly_command.cc", "// Flies.\n", {}),
    (
        "layer",
        "docs/architecture.md",
        "kernels --> base\nmodel --> base\n",
        {},
    ),
    (
        "layer",
        "docs/architecture.md:4",
        "kernels --> base\nmodel --> base\nmodel --> kernels\nbase --> model\n",
        {},
    ),
]


class TidyRules(unittest.TestCase):
    def findings_with(self, files):
        with tempfile.TemporaryDirectory() as folder:
            for name, text in (GOOD_TREE | files).items():
                path = pathlib.Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            return findings_of(folder)

    def test_good_tree_has_no_findings(self):
        self.assertEqual([], [str(finding) for finding in self.findings_with({})])

    def test_each_violation_is_found_where_it_stands(self):
        for rule, place, text, others in VIOLATIONS:
            with self.subTest(rule=rule, place=place):
                path = place.split(":")[0]
                files = others if text is None else others | {path: text}
                found = self.findings_with(files)
                places = [
                    f"{f.path}:{f.line}" if f.line else f.path for f in found if f.rule == rule
                ]
                self.assertEqual([place], places, [str(finding) for finding in found])
                self.assertEqual(len(places), len(found), [str(finding) for finding in found])

    def test_generated_tables_may_be_long(self):
        self.assertEqual([], self.findings_with({"src/base/case_table.cc": "// Row.\n" * 600}))


class CppFunctions(unittest.TestCase):
    def only_function(self, text):
        functions = functions_of(text)
        self.assertEqual(1, len(functions), functions)
        return functions[0]

    def test_strings_and_comments_hold_no_braces(self):
        function = self.only_function('void F() {\n  G("}{", R"({)", \'}\');  // }\n  /* { */\n}\n')
        self.assertEqual((1, 4), (function.first_line, function.last_line))

    def test_constructor_with_member_initializers_ends_at_its_body(self):
        function = self.only_function("A::A(int b, int c) : b_{b}, c_(c) {\n  G();\n}\n")
        self.assertEqual(("A", 2, 3), (function.name, function.num_parameters, function.last_line))

    def test_template_arguments_are_not_parameters(self):
        function = self.only_function(
            "template <typename K, typename V>\nint F(std::map<K, V> m, G g = {1, 2}) {\n}\n"
        )
        self.assertEqual(2, function.num_parameters)

    def test_values_and_types_are_no_functions(self):
        self.assertEqual(
            [], functions_of("struct A {\n  int b = 1;\n};\nconst int x[] = {1, 2};\nA y{F(1)};\n")
        )

    def test_blocks_and_lambdas_nest(self):
        text = "void F() {\n  Each([&](int i) {\n    if (i) {\n      for (;;) {}\n    }\n  });\n}\n"
        function = self.only_function(text)
        self.assertEqual((3, 4), (function.nesting, function.deepest_line))


class ThisProject(unittest.TestCase):
    def test_follows_its_rules(self):
        findings = findings_of(ROOT)
        if findings:
            self.fail("\n" + "\n".join(str(finding) for finding in findings))


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    unittest.main()

"""Each hostile input of tests/hostile_inputs.txt has tests, and those tests exist."""

import re

from source_tree import Finding

HOSTILE_INPUTS = "tests/hostile_inputs.txt"
TEST_NAME = re.compile(r"\bTEST(?:_F|_P)?\(\s*(\w+)\s*,\s*(\w+)\s*\)")


def names_of_tests(tree):
    """{"Suite.Name"} of every test in tests/."""
    return {
        f"{suite}.{name}"
        for file in tree.cpp_files()
        if file.folders[0] == "tests"
        for suite, name in TEST_NAME.findall(file.text)
    }


def items_of(text):
    """(line, item, [tests]): an item begins at the margin, its tests stand indented below it."""
    item = None
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        if not line.startswith(" "):
            if item:
                yield item
            item = (number, line, [])
        elif item:
            item[2].extend(line.split())
        else:
            yield (number, line, [])
    if item:
        yield item


def hostile_inputs_have_tests(tree):
    path = tree.root / HOSTILE_INPUTS
    if not path.exists():
        yield Finding("hostile", HOSTILE_INPUTS, 0, "the list of hostile inputs is missing")
        return
    known = names_of_tests(tree)
    for number, item, tests in items_of(path.read_text(encoding="utf-8")):
        if not tests:
            yield Finding("hostile", HOSTILE_INPUTS, number, f"no test shows '{item.strip()}'")
        for test in tests:
            if test not in known:
                yield Finding("hostile", HOSTILE_INPUTS, number, f"there is no test {test}")

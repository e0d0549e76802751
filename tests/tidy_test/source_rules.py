"""Names, sizes and words: the rules that a file can break by itself."""

import ast
import collections
import re

from cpp_functions import functions_of

MAX_FILE_LINES = 500
MAX_LINE_COLUMNS = 100
MAX_FUNCTION_LINES = 70
MAX_PARAMETERS = 6
MAX_NESTING = 4

BANNED_FOLDERS = {"util", "utils", "common", "helper", "helpers", "misc", "manager", "managers"}
FILE_NAME = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*\.(h|cc|js|css|html|svg)")
SOURCE_KINDS = (".h", ".cc")
NARROW_SUFFIXES = {".h", ".cc", ".py", ".cmake", ".js", ".css", ".html"}
KIND_SUFFIXES = ("_test", "_benchmark", "_fuzz")
# Written in two halves, so that this file does not hold them.
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:wo" r"rk|ho" r"me|ro" r"ot|fa" r"rm|Us" r"ers)/\w")


def folders_are_named_by_content(tree):
    for file in tree.files:
        for folder in file.folders:
            if folder.lower() in BANNED_FOLDERS:
                yield file.finding(
                    "name", 0, f"a folder named '{folder}' says nothing of what it holds"
                )
        stem = file.absolute.stem
        if file.is_cpp and BANNED_FOLDERS & set(stem.split("_")):
            yield file.finding("name", 0, f"a file named '{stem}' says nothing of what it holds")


def file_names_are_snake_case(tree):
    for file in tree.cpp_files() + tree.page_files():
        if not FILE_NAME.fullmatch(file.name):
            yield file.finding("name", 0, f"file names are snake_case{file.suffix}")


def thing_and_kind(file):
    stem = file.absolute.stem
    for suffix in KIND_SUFFIXES:
        if stem.endswith(suffix):
            return stem.removesuffix(suffix), suffix
    return stem, file.suffix


def file_names_are_unique(tree):
    seen = collections.defaultdict(dict)
    for file in tree.cpp_files():
        thing, kind = thing_and_kind(file)
        other = seen[thing].get(kind)
        if other is None and kind in SOURCE_KINDS:
            other = next(
                (
                    f
                    for k, f in seen[thing].items()
                    if k in SOURCE_KINDS and f.folders != file.folders
                ),
                None,
            )
        if other is not None:
            yield file.finding("name", 0, f"the name '{thing}' is taken by {other.path}")
        seen[thing].setdefault(kind, file)


TYPE = re.compile(r"^(?:class|struct|enum class|enum) (\w+)[^;{]*\{")
NAMESPACE = re.compile(r"^namespace ([\w:]+) \{")


def types_are_unique(tree):
    """One namespace is one program's: two types of one name would be taken for the same."""
    seen = {}
    for file in tree.cpp_files():
        if file.suffix != ".h" or file.folders[0] != "src":
            continue
        namespace = ""
        for number, line in enumerate(file.lines, 1):
            if found := NAMESPACE.match(line):
                namespace = found[1]
            if found := TYPE.match(line):
                other = seen.setdefault((namespace, found[1]), file)
                if other is not file:
                    taken = f"the type {found[1]} is also in {other.path}"
                    yield file.finding("name", number, taken)


def files_are_short(tree):
    for file in tree.files:
        if file.suffix == ".md" or file.is_generated_table:
            continue
        if len(file.lines) > MAX_FILE_LINES:
            yield file.finding(
                "length", len(file.lines), f"{len(file.lines)} lines, more than {MAX_FILE_LINES}"
            )


def lines_are_short(tree):
    for file in tree.files:
        if file.suffix not in NARROW_SUFFIXES or file.is_generated_table:
            continue
        for number, line in enumerate(file.lines, 1):
            if len(line) > MAX_LINE_COLUMNS:
                yield file.finding(
                    "length", number, f"{len(line)} columns, more than {MAX_LINE_COLUMNS}"
                )


def lines_end_cleanly(tree):
    for file in tree.files:
        if file.text and not file.text.endswith("\n"):
            yield file.finding("whitespace", len(file.lines), "the last line does not end")
        for number, line in enumerate(file.lines, 1):
            if line != line.rstrip():
                yield file.finding("whitespace", number, "space at the end of the line")
            if "\t" in line and file.name != "Makefile":
                yield file.finding("whitespace", number, "a tab")


def check_size(file, line, name, num_lines, num_parameters):
    if num_lines > MAX_FUNCTION_LINES:
        message = f"{name} has {num_lines} lines, more than {MAX_FUNCTION_LINES}"
        yield file.finding("function", line, message)
    if num_parameters > MAX_PARAMETERS:
        message = f"{name} has {num_parameters} parameters, more than {MAX_PARAMETERS}"
        yield file.finding("function", line, message)


def functions_are_small(tree):
    for file in tree.cpp_files():
        for function in functions_of(file.text):
            line, name = function.first_line, function.name
            yield from check_size(file, line, name, function.num_lines, function.num_parameters)
            if function.nesting > MAX_NESTING:
                message = f"{name} nests {function.nesting} blocks, more than {MAX_NESTING}"
                yield file.finding("function", function.deepest_line, message)


def python_functions_are_small(tree):
    for file in tree.with_suffix(".py"):
        for node in ast.walk(ast.parse(file.text)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                num_lines = node.end_lineno - node.lineno + 1
                yield from check_size(file, node.lineno, node.name, num_lines, len(node.args.args))


def nothing_is_left_unfinished(tree):
    for file in tree.files:
        for number, line in enumerate(file.lines, 1):
            if match := UNFINISHED.search(line):
                yield file.finding("word", number, f"'{match.group()}' marks work that is not done")
            if match := MACHINE_PATH.search(line):
                yield file.finding("word", number, f"'{match.group()}...' is a path of one machine")


def headers_explain_themselves(tree):
    for file in tree.with_suffix(".h"):
        if not re.search(r"^#pragma once$", file.text, re.M):
            # A header that the SIMD dispatch includes once a target switches its guard itself.
            if "HWY_TARGET_TOGGLE" not in file.text:
                yield file.finding("header", 1, "no #pragma once")
        if "//" not in file.text:
            yield file.finding("header", 1, "no comment says what it is for")

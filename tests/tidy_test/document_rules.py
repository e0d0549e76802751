"""What the documents say has to exist: links, paths, commands."""

import re

from source_tree import Finding

MAX_README_LINES = 150
MAX_TEST_DATA_BYTES = 25 << 20
TEST_DATA = "tests/data"

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
OWN_PATH = re.compile(
    r"`((?:src|tests|benchmarks|tools|docs|cmake|models|fuzz|\.ci)/[\w./-]*\w/?)`"
)
COMMAND = re.compile(r"(?:^|[\s|(`/])trinity ([a-z][a-z-]*)\b")
CODE = re.compile(r"`([^`\n]+)`")


def readme_is_short(tree):
    for file in tree.files:
        if file.path == "README.md" and len(file.lines) > MAX_README_LINES:
            yield file.finding("document", len(file.lines), f"more than {MAX_README_LINES} lines")


def test_data_is_small(tree):
    folder = tree.root / TEST_DATA
    num_bytes = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    if num_bytes > MAX_TEST_DATA_BYTES:
        message = f"{num_bytes} bytes, more than {MAX_TEST_DATA_BYTES}"
        yield Finding("size", TEST_DATA, 0, message)


def lines_outside_of_code(file):
    in_code = False
    for number, line in enumerate(file.lines, 1):
        if line.lstrip().startswith("```"):
            in_code = not in_code
        elif not in_code:
            yield number, line


def code_of(file):
    """(line number, code): what stands in fenced blocks and between backticks."""
    in_code = False
    for number, line in enumerate(file.lines, 1):
        if line.lstrip().startswith("```"):
            in_code = not in_code
        elif in_code:
            yield number, line
        else:
            for span in CODE.findall(line):
                yield number, span


def anchors_of(text):
    anchors = set()
    for heading in re.findall(r"^#+\s+(.*?)\s*$", text, re.M):
        slug = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        anchors.add(slug)
    return anchors


def links_resolve(tree):
    for file in tree.with_suffix(".md"):
        for number, line in lines_outside_of_code(file):
            for match in LINK.finditer(CODE.sub("", line)):
                target = match.group(1) or match.group(2)
                if re.match(r"[a-z]+:", target):
                    continue
                path, _, anchor = target.partition("#")
                absolute = (file.absolute.parent / path) if path else file.absolute
                if not absolute.exists():
                    yield file.finding("link", number, f"'{target}' leads nowhere")
                elif anchor and anchor not in anchors_of(absolute.read_text(encoding="utf-8")):
                    yield file.finding("link", number, f"'{target}': no such heading")


def named_paths_exist(tree):
    for file in tree.with_suffix(".md"):
        for number, line in enumerate(file.lines, 1):
            for path in OWN_PATH.findall(line):
                if not tree.exists(path):
                    yield file.finding("link", number, f"`{path}` does not exist")


def documented_commands_exist(tree):
    for file in tree.with_suffix(".md"):
        for number, code in code_of(file):
            for command in COMMAND.findall(code):
                stem = f"src/cli/{command.replace('-', '_')}"
                if not tree.exists(f"{stem}.cc") and not tree.exists(f"{stem}_command.cc"):
                    yield file.finding(
                        "command", number, f"'trinity {command}' has no file {stem}.cc"
                    )


def commands_are_documented(tree):
    readme = next((file.text for file in tree.files if file.path == "README.md"), "")
    for file in tree.cpp_files():
        if file.folders == ["src", "cli"] and file.name.endswith("_command.cc"):
            command = file.name.removesuffix("_command.cc").replace("_", "-")
            if not re.search(rf"\btrinity {command}\b", readme):
                yield file.finding("command", 0, f"README.md does not mention trinity {command}")

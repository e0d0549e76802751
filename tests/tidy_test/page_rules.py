"""What the page of the server may not do, whose policy would refuse it in the browser as well."""

import re

# Each of these makes text into markup or into a program.
FORBIDDEN = re.compile(
    r"\b(innerHTML|outerHTML|insertAdjacentHTML|setHTMLUnsafe|document\.write|srcdoc|eval"
    r"|new Function|DOMParser)\b|\bjavascript:"
)


def page_makes_no_markup_out_of_text(tree):
    for file in tree.page_files():
        if file.folders[0] != "src":
            continue
        for number, line in enumerate(file.lines, 1):
            # What a comment names is not done.
            if match := FORBIDDEN.search(line.split("//")[0]):
                yield file.finding("page", number, f"'{match.group()}' may run what a text holds")


def scripts_explain_themselves(tree):
    for file in tree.with_suffix(".js"):
        if "//" not in file.text:
            yield file.finding("page", 1, "no comment says what it is for")

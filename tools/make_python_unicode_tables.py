"""Writes src/chat/jinja/python_unicode_tables.cc: what Python's str methods know of Unicode.

Usage: python3 tools/make_python_unicode_tables.py > src/chat/jinja/python_unicode_tables.cc
The tables are those of the Python that runs this script.
"""

import sys
import unicodedata

SCALARS = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]


def ranges(predicate):
    found, start, last = [], None, None
    for c in SCALARS:
        if predicate(chr(c)):
            if start is None:
                start = c
            elif c != last + 1:
                found.append((start, last))
                start = c
            last = c
        elif start is not None:
            found.append((start, last))
            start = None
    if start is not None:
        found.append((start, last))
    return found


def print_ranges(name, predicate):
    items = ranges(predicate)
    print(f"const CodePointRange k{name}[] = {{")
    line = "   "
    for a, b in items:
        text = f" {{0x{a:X}, 0x{b:X}}},"
        if len(line) + len(text) > 99:
            print(line)
            line = "   "
        line += text
    print(line)
    print("};")
    print(f"const size_t kNum{name} = {len(items)};\n")


def print_cases(name, convert):
    """Runs of characters, `stride` apart, that map to one character at a constant distance."""
    single, special = [], []
    for c in SCALARS:
        to = convert(chr(c))
        if to == chr(c):
            continue
        if len(to) == 1:
            single.append((c, ord(to) - c))
        else:
            special.append((c, to))
    runs = []
    for c, delta in single:
        if runs:
            first, last, stride, old = runs[-1]
            if old == delta and (first == last and c - last in (1, 2) or c - last == stride):
                runs[-1] = (first, c, c - last, delta)
                continue
        runs.append((c, c, 1, delta))
    print(f"const CaseRun k{name}Runs[] = {{")
    line = "   "
    for first, last, stride, delta in runs:
        text = f" {{0x{first:X}, 0x{last:X}, {stride}, {delta}}},"
        if len(line) + len(text) > 99:
            print(line)
            line = "   "
        line += text
    print(line)
    print("};")
    print(f"const size_t kNum{name}Runs = {len(runs)};\n")
    print(f"const SpecialCase k{name}Special[] = {{")
    line = "   "
    for c, to in special:
        codes = [ord(x) for x in to] + [0] * (3 - len(to))
        text = f" {{0x{c:X}, {{" + ", ".join(f"0x{x:X}" for x in codes) + "}},"
        if len(line) + len(text) > 99:
            print(line)
            line = "   "
        line += text
    print(line)
    print("};")
    print(f"const size_t kNum{name}Special = {len(special)};\n")


def merging_characters():
    """Those that NFC may merge with a character before them."""
    found = set()
    for c in SCALARS:
        parts = unicodedata.normalize("NFD", chr(c))
        for i in range(1, len(parts)):
            if unicodedata.normalize("NFC", parts[: i + 1]) != parts[: i + 1]:
                found.add(parts[i])
    return found


def title_one(c):
    """How str.title() writes the first letter of a word."""
    return c.title()


def main():
    sys.stdout.reconfigure(encoding="utf-8")
    print(
        f"// Unicode {unicodedata.unidata_version}; written by tools/make_python_unicode_tables.py."
    )
    print('#include "chat/jinja/python_unicode.h"\n')
    print("namespace trinity::jinja {\n")
    print("// clang-format off")
    print_ranges("NotPrintable", lambda c: not c.isprintable())
    print_ranges("Space", str.isspace)
    print_ranges("Alphabetic", str.isalpha)
    print_ranges("Decimal", str.isdecimal)
    print_ranges("Digit", str.isdigit)
    print_ranges("Numeric", str.isnumeric)
    print_ranges("UpperCase", str.isupper)
    print_ranges("LowerCase", str.islower)
    print_ranges("TitleCase", lambda c: c.istitle() and not c.isupper())
    print_ranges("IdentifierStart", str.isidentifier)
    print_ranges("IdentifierPart", lambda c: ("a" + c).isidentifier())
    merging = merging_characters()
    print_ranges(
        "ChangedByNfkc",
        lambda c: ("a" + c).isidentifier()
        and (unicodedata.normalize("NFKC", c) != c or c in merging),
    )
    # For the final sigma: Python skips case-ignorable characters, then asks for a cased one.
    print_ranges(
        "CaseIgnorable",
        lambda c: ("\u0391" + c + "\u03a3").lower()[-1] == "\u03c2"
        and ("." + c + "\u03a3").lower()[-1] == "\u03c3",
    )
    print_ranges("Cased", lambda c: ("." + c + "\u03a3").lower()[-1] == "\u03c2")
    print_cases("Upper", str.upper)
    print_cases("Lower", str.lower)
    print_cases("Title", title_one)
    print_cases("Fold", str.casefold)
    print("// clang-format on\n")
    print("}  // namespace trinity::jinja")


if __name__ == "__main__":
    main()

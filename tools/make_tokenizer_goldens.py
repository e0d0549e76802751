#!/usr/bin/env python3
"""Writes tests/data/tokenizer/ from what the Hugging Face tokenizers wheel makes of texts.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install tokenizers==0.23.3
    /tmp/venv/bin/python tools/make_tokenizer_goldens.py

With two more arguments it writes goldens of another tokenizer.json instead:

    make_tokenizer_goldens.py TOKENIZER_JSON OUT.jsonl [NUMBER_OF_TEXTS [SEED]]
"""

import json
import pathlib
import random
import sys

from tokenizers import Tokenizer, pre_tokenizers

ROOT = pathlib.Path(__file__).parent.parent
OUT = ROOT / "tests/data/tokenizer"
PICO = ROOT / "models/trinity-pico/tokenizer.json"

FIXED = [
    "",
    " ",
    "  ",
    "\n",
    "\r\n",
    " \n ",
    "\t\tx",
    "Hello!",
    "don't",
    "I'll go",
    "foo_bar",
    "a  \n\n  b",
    "line1\nline2\r\nline3",
    "trailing  ",
    "  leading",
    "In 2024",
    "5\u00b2",
    "x\u00b2 + y\u00b2",
    "\u00b21234",
    "\u0661\u0662\u0663\u0664",
    "3.14159",
    "$1,234.56",
    "a1b22c333d4444",
    "e\u0301",
    "\u00e9",
    "\u6771\u4eac\u30bf\u30ef\u30fc2024\u5e74",
    "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35",
    "\uc548\ub155 \uc138\uacc4",
    "\u041f\u0440\u0438\u0432\u0435\u0442, \u043c\u0438\u0440!",
    "\U0001f642\U0001f44d\U0001f3fd",
    "<|im_start|>user\nhi<|im_end|>\n",
    "<think>\nok\n</think>",
    "<|im_start|",
    "<<|im_end|>>",
    "<tool_call><tool_call",
    "def f(x):\n\treturn x**2\n",
    "http://a.b/c?d=1",
    "\x00",
    "\x7f\x80",
    "\ufeffbom",
    "\U00010d40\U00010d41",
    "\U0001cc00\U0001e5d0",
    "\u088f\u1c89",
    "\u3000 \u00a0x",
]
ALPHABETS = [
    "abcdefghij XYZ",
    "0123456789",
    " \t\n\r",
    "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~",
    "\u00e0\u00e9\u00fc\u00df\u0301\u0308",
    "\u0430\u0431\u0432\u0413\u0414",
    "\u4e00\u4e8c\u30a2\u3042\u3400\uf900\uff66",
    "\u0e01\u0e40\u0e31\u0e81\u1780\u1000",
    "\uac00\uac01\u1100",
    "\u0660\u0966\uff11\u00b2\u00bd\u2167\u3007",
    "\u00a0\u2003\u3000\u2028\u0085",
    "\U0001f600\U0001f3fd\u200d\u2764\ufe0f",
    "\u20ac\u00a3\u2211\u2190\u00ab\u00bb\u2014",
]


def random_text(rng, added):
    parts = []
    for _ in range(rng.randint(1, 12)):
        kind = rng.random()
        if kind < 0.08:
            parts.append(rng.choice(added))
        elif kind < 0.14:
            parts.append("".join(chr(random_code_point(rng)) for _ in range(rng.randint(1, 4))))
        elif kind < 0.2:
            parts.append(rng.choice("a1 \u4e00\n") * rng.randint(1, 40))
        else:
            alphabet = rng.choice(ALPHABETS)
            parts.append("".join(rng.choice(alphabet) for _ in range(rng.randint(1, 9))))
    return "".join(parts)


def random_code_point(rng):
    while True:
        code_point = rng.choice(
            [rng.randrange(0x3000), rng.randrange(0x20000), rng.randrange(0x110000)]
        )
        if not 0xD800 <= code_point < 0xE000:
            return code_point


def golden(tokenizer, text):
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    return {
        "text": text,
        "ids": ids,
        "ids_with_special": tokenizer.encode(text).ids,
        "decoded": tokenizer.decode(ids, skip_special_tokens=False),
        "decoded_skip_special": tokenizer.decode(ids, skip_special_tokens=True),
    }


def write_goldens(tokenizer_path, out, count, seed):
    tokenizer = Tokenizer.from_file(str(tokenizer_path))
    added = [t.content for t in tokenizer.get_added_tokens_decoder().values()]
    rng = random.Random(seed)
    texts = FIXED + [random_text(rng, added) for _ in range(count)]
    write_lines(out, [golden(tokenizer, text) for text in texts])


def write_lines(out, lines):
    with open(out, "w", encoding="utf-8") as file:
        for line in lines:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


def split(pattern, behavior, invert=False):
    return {"type": "Split", "pattern": pattern, "behavior": behavior, "invert": invert}


def byte_level(prefix=False, regex=False):
    return {
        "type": "ByteLevel",
        "add_prefix_space": prefix,
        "trim_offsets": True,
        "use_regex": regex,
    }


def step_sequences():
    behaviors = ["Isolated", "Removed", "MergedWithPrevious", "MergedWithNext", "Contiguous"]
    patterns = [
        {"Regex": "\\d"},
        {"Regex": "a*"},
        {"Regex": "b|$"},
        {"Regex": "\\Ga"},
        {"String": "ab"},
    ]
    for behavior in behaviors:
        for pattern in patterns:
            for invert in (False, True):
                yield [split(pattern, behavior, invert), byte_level()]
    for individual in (False, True):
        yield [{"type": "Digits", "individual_digits": individual}, byte_level()]
    for prefix in (False, True):
        for regex in (False, True):
            yield [byte_level(prefix, regex)]
    yield [split({"String": " "}, "Removed"), byte_level(True, True)]
    yield [
        split({"Regex": "\\p{Lu}"}, "MergedWithNext"),
        split({"String": "-"}, "Isolated"),
        byte_level(True),
    ]


def write_pre_tokenizer_goldens():
    """Each line: the steps of a pre-tokenizer, texts, and the pieces of each text."""
    rng = random.Random(2)
    lines = []
    for steps in step_sequences():
        sequence = {"type": "Sequence", "pretokenizers": steps}
        wheel = Tokenizer.from_str(json.dumps(shell(sequence))).pre_tokenizer
        texts = ["a1b22", "12ab", "aabaa", "ab", "Don't say we've  1\u00b2, \u4e00\u0663\n x"]
        texts += [
            "".join(rng.choice("aabb12 -AB\u00e9\u0663") for _ in range(rng.randint(1, 12)))
            for _ in range(8)
        ]
        pieces = [[piece for piece, _ in wheel.pre_tokenize_str(text)] for text in texts]
        lines.append({"pre_tokenizer": sequence, "texts": texts, "pieces": pieces})
    write_lines(OUT / "pre_tokenizers.jsonl", lines)


def shell(pre_tokenizer=None, merges=(), **model):
    """A tokenizer.json with the 256 byte symbols and these merges."""
    symbols = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokens = symbols + [left + right for left, right in merges]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": pre_tokenizer or byte_level(),
        "post_processor": None,
        "decoder": byte_level(True, True),
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": {t: i for i, t in enumerate(tokens)},
            "merges": [list(m) for m in merges],
            **model,
        },
    }


def added_token(id, content, **flags):
    token = {
        "id": id,
        "content": content,
        "single_word": False,
        "lstrip": False,
        "rstrip": False,
        "normalized": False,
        "special": False,
    }
    return {**token, **flags}


def variants():
    merges = [("a", "b"), ("ab", "c"), ("b", "c"), ("\u0120", "a"), ("c", "c"), ("cc", "cc")]
    plain = shell(merges=merges)
    yield "plain", plain
    legacy = shell(merges=merges)
    legacy["model"]["merges"] = [" ".join(m) for m in merges]
    yield "merges_as_strings", legacy
    whole = shell(merges=merges, ignore_merges=True)
    whole["model"]["vocab"]["abca"] = 262
    yield "ignore_merges", whole
    unknown = shell(merges=merges, unk_token="a", fuse_unk=True, byte_fallback=True, dropout=0.0)
    yield "unknown_options", unknown
    added = shell(merges=merges)
    added["added_tokens"] = [
        added_token(262, "<l>", lstrip=True),
        added_token(263, "<r>", rstrip=True, special=True),
        added_token(264, "<lr>", lstrip=True, rstrip=True),
        added_token(256, "ab", normalized=True),
        added_token(265, "abab"),
        added_token(266, "abc<"),
        added_token(267, "\u00e9\u4e00", special=True),
        added_token(268, "  \u3000"),
    ]
    yield "added_tokens", added
    wrapped = shell(merges=merges)
    wrapped["added_tokens"] = [
        added_token(262, "<s>", special=True),
        added_token(263, "</s>", special=True),
    ]
    wrapped["post_processor"] = {
        "type": "TemplateProcessing",
        "single": [
            {"SpecialToken": {"id": "<s>", "type_id": 0}},
            {"SpecialToken": {"id": "x", "type_id": 0}},
            {"Sequence": {"id": "A", "type_id": 0}},
            {"SpecialToken": {"id": "</s>", "type_id": 0}},
        ],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {
            "<s>": {"id": "<s>", "ids": [262], "tokens": ["<s>"]},
            "</s>": {"id": "</s>", "ids": [263], "tokens": ["</s>"]},
            "x": {"id": "x", "ids": [1, 2], "tokens": ["a", "b"]},
        },
    }
    yield "template", wrapped


def write_variants():
    """Each line: the name of a small tokenizer, the tokenizer, goldens."""
    rng = random.Random(3)
    lines = []
    for name, description in variants():
        tokenizer = Tokenizer.from_str(json.dumps(description))
        words = [
            "a",
            "b",
            "c",
            "ab",
            " ",
            "  ",
            "\n",
            "\u3000",
            "<l>",
            "<r>",
            "<lr>",
            "<s>",
            "<",
            "\u00e9",
            "\u4e00",
            "1",
        ]
        texts = ["abca", "abcabc", "cccccc", " <l> <r> <lr> x", "a <lr>   \u3000 b"]
        texts += ["".join(rng.choice(words) for _ in range(rng.randint(1, 12))) for _ in range(60)]
        goldens = [golden(tokenizer, text) for text in texts]
        lines.append({"name": name, "tokenizer": description, "goldens": goldens})
    write_lines(OUT / "variants.jsonl", lines)


def main():
    if len(sys.argv) > 2:
        count, seed = (list(map(int, sys.argv[3:])) + [2000, 1][len(sys.argv) - 3 :])[:2]
        write_goldens(sys.argv[1], sys.argv[2], count, seed)
        return
    OUT.mkdir(parents=True, exist_ok=True)
    write_goldens(PICO, OUT / "pico.jsonl", 500, 1)
    write_pre_tokenizer_goldens()
    write_variants()


main()

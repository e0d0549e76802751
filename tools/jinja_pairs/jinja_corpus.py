"""Contexts for random templates, and conversations for templates in the styles of models."""

TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": 'Weather in a city: "now" & <here>',
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
    "",
    " ",
    "a",
    "abc",
    "Hello World",
    "hello-world foo_bar",
    "  padded \n",
    "line1\nline2\n\nline4",
    "it's",
    'say "hi"',
    'it\'s "both"',
    "tab\there",
    "a,b,,c",
    "x=1;y=2",
    "ÄÖÜ ß",
    "straße",
    "日本語テキスト",
    "emoji 😀 end",
    "<b>bold</b> & 'q'",
    "{{ not a template }}",
    "{% raw %}",
    "<|im_start|>user",
    "<think>\nplan\n</think>\n\nanswer",
    "UPPER lower",
    "123",
    "-7",
    "3.5",
    "0x1f",
    "1e3",
    " 42 ",
    "true",
    "a.b.c",
    "a b  c   d",
    "%s and %d",
    "{} {0} {name}",
    "back\\slash",
    "\u00a0nb",
    "ΑΣ ΑΣΑ",
    "ǆabc",
    "ﬁne",
    "zero\u200bwidth",
    "e\u0301",
    "\u2028sep",
    "AbC dEf",
    "aaa",
    "ababab",
    "user",
    "assistant",
    "system",
    "the quick brown fox jumps over the lazy dog",
    "I",
    "ı İ",
    "१२३",
    "½",
]


ROLES = ["system", "user", "assistant", "tool"]
NUMBERS = [0, 1, 2, 3, -1, -5, 7, 10, 255, 2**31, -(2**63), 10**18]
FLOATS = [0.0, 1.0, 0.1, -2.5, 1e16, 1e-5, 123456.789, 1e22, 2.5, 0.30000000000000004]
LISTS = [[], [1], [3, 1, 2], [1, 2, 3, 4, 5], [5, 5, 1], [-1, 0, 2.5, True]]
WORDS = [["b", "a", "C"], ["x"], [], ["", "é", "Z", "z"], ["one", "two", "three", "two"]]
DICTS = [
    {},
    {"a": 1},
    {"b": 2, "a": 1, "C": 3},
    {"items": [1], "x y": "z", "é": None},
    {"k": {"k": {"k": 1}}, "l": [1, {"m": 2}]},
]
NESTED = [[[1, 2], [3, 4]], [[], [1]], [["a", 1], ["b", 2]], [[1, [2, 3]], []]]
NOOP = {"function": {"name": "noop", "parameters": {}}}
ARGUMENTS = [{"city": "Zürich", "days": 2}, {}, '{"city": "Rome"}']


def make_message(rng):
    message = {"role": rng.choice(ROLES), "content": rng.choice(STRINGS)}
    if rng.random() < 0.15:
        parts = [{"type": "text", "text": rng.choice(STRINGS)}, {"type": "image"}]
        message["content"] = rng.choice([None, parts])
    if rng.random() < 0.2:
        function = {"name": "get_weather", "arguments": rng.choice(ARGUMENTS)}
        message["tool_calls"] = [{"id": "call_1", "function": function}]
    if rng.random() < 0.15:
        message["reasoning_content"] = rng.choice(STRINGS)
    return message


def make_record(rng, index):
    value = rng.choice([1, 2, 2.5, None, True])
    return {"id": index, "name": rng.choice(STRINGS[:20]), "v": value, "sub": {"x": index % 2}}


def make_contexts(rng):
    return [
        {
            "messages": [make_message(rng) for _ in range(rng.randrange(6))],
            "tools": rng.choice([None, [TOOL], [TOOL, NOOP]]),
            "add_generation_prompt": rng.random() < 0.5,
            "bos_token": "<s>",
            "eos_token": "</s>",
            "s": rng.choice(STRINGS),
            "t": rng.choice(STRINGS),
            "n": rng.choice(NUMBERS),
            "m": rng.choice([1, 2, 3, 4, 5, 8]),
            "f": rng.choice(FLOATS),
            "b": rng.random() < 0.5,
            "z": None,
            "l": rng.choice(LISTS),
            "w": rng.choice(WORDS),
            "d": rng.choice(DICTS),
            "r": [make_record(rng, index) for index in range(rng.randrange(5))],
            "nested": rng.choice(NESTED),
        }
        for _ in range(24)
    ]

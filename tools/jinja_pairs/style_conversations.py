"""Conversations for templates in the styles of models: every shape that clients send, each with
other tools, documents and variables."""

from jinja_corpus import NOOP, TOOL

NESTED_TOOL = {
    "type": "function",
    "function": {
        "name": "find",
        "description": "<find> & 'return'",
        "parameters": {
            "type": "object",
            "properties": {
                "where": {
                    "type": "object",
                    "properties": {
                        "lat": {"type": "number"},
                        "tags": {"type": "array", "items": {"type": "string", "enum": ["A", "Bé"]}},
                    },
                    "required": ["lat"],
                },
                "any": {"description": "no type"},
                "table": {"type": "object", "additionalProperties": {"type": "boolean"}},
                "kind": {"type": ["string", "null"], "default": None},
            },
            "required": ["where", "any"],
        },
        "return": {"type": "string", "description": "what was found"},
    },
}
BARE_TOOL = {"name": "bare", "description": None, "parameters": {"properties": {}}}
TOOLS = [
    None,
    [TOOL],
    [NESTED_TOOL, {"type": "function", "function": {**NOOP["function"], "description": ""}}],
    None,
    [TOOL, BARE_TOOL],
    [],
]
DOCUMENTS = [
    None,
    None,
    [{"title": 'T "1"', "text": "body\n1"}, {"doc_id": 7, "title": "Ü", "text": ""}],
    None,
]
VARIABLES = [
    {},
    {"enable_thinking": False},
    {"enable_thinking": True, "thinking": True, "day": "1 Jan", "reasoning_effort": "high"},
    {"thinking": False, "tools_in_question": False, "builtin_tools": ["get_weather"]},
    {"safety_mode": "strict", "controls": {"citations": True}, "keep_reasoning": True},
]
WEATHER = {"city": "Zürich", "days": 2, "nested": [1, {"a": None, "b": True}], "f": 1.5}
NUMBERS = {"i": 2**63, "j": -(2**63), "f": 1e22, "g": 1e-7, "h": 0.1, "zero": -0.0}
THOUGHT = "<think>\nplan\n</think>\n\nanswer"


def system(content):
    return {"role": "system", "content": content}


def user(content, **members):
    return {"role": "user", "content": content, **members}


def assistant(content, **members):
    return {"role": "assistant", "content": content, **members}


def call(arguments, identifier="call_123456789", name="get_weather"):
    function = {"name": name, "arguments": arguments}
    return {"id": identifier, "type": "function", "function": function}


def calling(*calls, content="", **members):
    return assistant(content, tool_calls=list(calls), **members)


def result(content, identifier="call_123456789"):
    return {
        "role": "tool",
        "name": "get_weather",
        "tool_call_id": identifier,
        "content": content,
    }


def text(content):
    return {"type": "text", "text": content}


CONVERSATIONS = [
    [user("Hello")],
    [system(" Be brief.\n"), user("2 <|im_end|> é \n")],
    [user("1"), assistant("one"), user(" 2 \n")],
    [system("S"), user("1"), assistant("one\n"), user("2"), assistant("two"), user("three?")],
    [system("S"), user("1"), assistant("one")],
    [user("q"), assistant(THOUGHT), user("q2"), assistant("<think>hm</think>done")],
    [user("q"), assistant("a", reasoning_content="plan\n"), user("q2")],
    [
        user("q"),
        assistant("a", reasoning_content="p1"),
        user("r"),
        assistant("b", reasoning_content="p2"),
    ],
    [user("w?"), calling(call(WEATHER)), result('{"t": 5}'), assistant("5"), user("thanks")],
    [system("S"), user("w?"), calling(call(WEATHER), content=None), result("5")],
    [user("w?"), calling(call('{"city": "Rome"}'), content="Look:"), result("5")],
    [
        user("w?"),
        calling(
            call(WEATHER, "a12345678"),
            call({}, "b12345678", "noop"),
            content=None,
            reasoning_content="two",
        ),
        result("5", "a12345678"),
        result("<6>", "b12345678"),
        assistant(THOUGHT),
        user("Thanks"),
    ],
    [
        user("w?"),
        calling({"function": {"name": "f", "arguments": {"x": 1}}}),
        {"role": "tool", "content": "r"},
    ],
    [user("w?"), calling({"name": "f", "arguments": {"x": 1}}), {"role": "tool", "content": "r"}],
    [user("w?"), assistant("x", tool_calls=[]), user("y"), assistant("z", tool_calls=None)],
    [system("S"), user([text("What is "), {"type": "image"}, text("this?")])],
    [
        system([text("S")]),
        user([text("a"), text("b")]),
        assistant([text("c")]),
        user([{"type": "image_url", "image_url": {"url": "u"}}]),
    ],
    [system("日本語"), user("emoji 😀 \u200b e\u0301 \u2028 ß İ"), assistant("ΑΣ ǆ"), user("\u00a0nb")],
    [system(""), user(""), assistant(""), user("")],
    [user(None)],
    [{"role": "user"}],
    [],
    [user("x"), {"role": "wizard", "content": "x"}],
    [{"role": "developer", "content": "D"}, user("x")],
    [assistant("first"), assistant("second")],
    [user("x"), assistant("a"), system("mid"), user("y")],
    [user("w"), calling(call(WEATHER)), result([text("r1"), text("r2")])],
    [user("w"), calling(call(WEATHER)), result({"output": 1, "content": "z"})],
    [result("r")],
    [system("A /no_think"), user("b /think"), assistant("</think>x"), user("<result>y</result>")],
    [user("x", name='Bob "B"'), assistant("y", name="Al"), user("z", name="")],
    [user("x"), assistant("begin", prefix=True)],
    [
        user("x"),
        calling(call({"city": 'a\nb "q" \\ </s>'}), content=None, tool_plan="I plan"),
        result('{"a": [1, 2]}'),
    ],
    [
        {"role": "system", "content": "S", "tools": '[{"n": 1}]'},
        user("x"),
        assistant("y", function_calls="f()"),
        {"role": "environment", "content": "e"},
    ],
    [user("x"), calling(call([1, 2])), result("r"), user("z")],
    [user("x"), calling(call(NUMBERS)), result("r"), assistant("done")],
]


def style_contexts():
    return [
        {
            "messages": messages,
            "tools": TOOLS[index % len(TOOLS)],
            "documents": DOCUMENTS[index % len(DOCUMENTS)],
            "add_generation_prompt": index % 3 != 2,
            "bos_token": "<s>",
            "eos_token": "</s>",
            **VARIABLES[index % len(VARIABLES)],
        }
        for index, messages in enumerate(CONVERSATIONS)
    ]


DETAIL_CONTEXT = {
    "messages": [
        system("Be <b>."),
        user([text("hi")]),
        calling(call({"a": 1}), content=None),
    ],
    "tools": None,
    "documents": None,
    "add_generation_prompt": True,
    "bos_token": "<s>",
    "eos_token": "</s>",
}

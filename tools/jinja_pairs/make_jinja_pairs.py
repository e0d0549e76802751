"""Writes random templates with what Python's jinja2 makes of them, for tests/chat/jinja_pairs_test.

Usage: python3 tools/jinja_pairs/make_jinja_pairs.py --count 5400 --seed 1 \
           > tests/data/chat/jinja_pairs.jsonl
       python3 tools/jinja_pairs/make_jinja_pairs.py --templates tests/data/chat/styles \
           > tests/data/chat/jinja_styles.jsonl

Needs jinja2 3.1. The environment is the one in which transformers renders chat templates. The first
line holds the contexts; each other line is [template, index of its context, output], with null for
the output where jinja2 fails. The same seed and versions give the same file.
"""

import argparse
import json
import pathlib
import random
import signal
import sys
import warnings

from jinja_corpus import STYLE_CONVERSATIONS, make_contexts
from jinja_reference import FOLDED, UNSTABLE, TooSlow, make_environment, on_alarm, render
from statement_generator import TemplateGenerator


def emit(record):
    print(json.dumps(record, ensure_ascii=False, separators=(",", ":")))


def random_pairs(count, seed):
    rng = random.Random(seed)
    environment = make_environment()
    contexts = make_contexts(rng)
    emit({"contexts": contexts})
    generator = TemplateGenerator(rng)
    made = failing = 0
    seen = set()
    while made < count:
        template = generator.template()
        index = rng.randrange(len(contexts))
        if len(template) > 700 or template in seen or FOLDED.search(template):
            continue
        try:
            template.encode()
            output = render(environment, template, contexts[index])
        except TooSlow:
            continue
        if output is None:
            # Two failing templates in ten are enough.
            if failing * 5 > made:
                continue
            failing += 1
        elif len(output) > 1500 or UNSTABLE.search(output):
            continue
        seen.add(template)
        made += 1
        emit([template, index, output])
    print(f"{made} pairs, {failing} of them fail", file=sys.stderr)


def style_pairs(folder):
    environment = make_environment()
    contexts = []
    for conversation in STYLE_CONVERSATIONS:
        context = {
            "tools": None,
            "documents": None,
            "add_generation_prompt": True,
            "bos_token": "<s>",
            "eos_token": "</s>",
        }
        context.update(conversation)
        contexts.append(context)
    emit({"contexts": contexts})
    for path in sorted(pathlib.Path(folder).glob("*.jinja")):
        template = path.read_text(encoding="utf-8")
        for index, context in enumerate(contexts):
            try:
                output = render(environment, template, context)
            except TooSlow:  # recursion without end
                output = None
            emit([template, index, output])


def main():
    sys.stdout.reconfigure(encoding="utf-8", newline="\n")
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGALRM, on_alarm)
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=5400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--templates")
    arguments = parser.parse_args()
    if arguments.templates:
        style_pairs(arguments.templates)
    else:
        random_pairs(arguments.count, arguments.seed)


if __name__ == "__main__":
    main()

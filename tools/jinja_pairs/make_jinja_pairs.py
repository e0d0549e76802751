"""Writes random templates with what Python's jinja2 makes of them, for tests/chat/jinja_pairs_test.

Usage: python3 tools/jinja_pairs/make_jinja_pairs.py --count 5400 --seed 1 \
           > tests/data/chat/jinja_pairs.jsonl
       python3 tools/jinja_pairs/make_jinja_pairs.py --templates tests/data/chat/styles \
           > tests/data/chat/jinja_styles.jsonl
       python3 tools/jinja_pairs/make_jinja_pairs.py --details tests/data/chat/details.txt \
           > tests/data/chat/jinja_details.jsonl

Needs jinja2 3.1. The environment is the one in which transformers renders chat templates. The first
line holds the contexts; each other line is [template, index of its context, output], or [template,
[outputs]] with one for each context. The output is null where jinja2 fails. The same seed and
versions give the same file.
"""

import argparse
import json
import pathlib
import random
import signal
import sys
import warnings

from jinja_corpus import make_contexts
from jinja_reference import FOLDED, UNSTABLE, TooSlow, make_environment, on_alarm, render
from statement_generator import TemplateGenerator
from style_conversations import DETAIL_CONTEXT, style_contexts


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


def render_all(templates, contexts):
    environment = make_environment()
    emit({"contexts": contexts})
    for template in templates:
        outputs = []
        for context in contexts:
            try:
                outputs.append(render(environment, template, context))
            except TooSlow:  # recursion without end
                outputs.append(None)
        if any(UNSTABLE.search(output or "") for output in outputs):
            sys.exit(f"make_jinja_pairs: another output each time: {template}")
        emit([template, outputs])


def style_pairs(folder):
    paths = sorted(pathlib.Path(folder).glob("*.jinja"))
    render_all([path.read_text(encoding="utf-8") for path in paths], style_contexts())


def detail_pairs(path):
    """A template a line."""
    lines = pathlib.Path(path).read_text(encoding="utf-8").split("\n")
    render_all([line for line in lines if line], [DETAIL_CONTEXT])


def main():
    sys.stdout.reconfigure(encoding="utf-8", newline="\n")
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGVTALRM, on_alarm)
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=5400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--templates", help="a folder of templates in the styles of models")
    parser.add_argument("--details", help="a file with a template a line")
    arguments = parser.parse_args()
    if arguments.templates:
        style_pairs(arguments.templates)
    elif arguments.details:
        detail_pairs(arguments.details)
    else:
        random_pairs(arguments.count, arguments.seed)


if __name__ == "__main__":
    main()

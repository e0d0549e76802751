"""jinja2 as transformers sets it up for chat templates."""

import datetime
import json
import re
import signal

import jinja2
import jinja2.ext
from jinja2.sandbox import ImmutableSandboxedEnvironment

NOW = datetime.datetime(2024, 7, 26, 13, 5, 9)


class Generation(jinja2.ext.Extension):
    """The tag {% generation %}, whose body is output like any other."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        call = self.call_method("_render")
        return jinja2.nodes.CallBlock(call, [], [], body).set_lineno(line)

    @jinja2.pass_eval_context
    def _render(self, context, caller):
        return caller()


class TemplateDict:
    """The global `dict`: callable, with fromkeys, and nothing else of Python's type."""

    def __call__(self, *args, **kwargs):
        return dict(*args, **kwargs)

    def fromkeys(self, *args, **kwargs):
        return dict.fromkeys(*args, **kwargs)


class TemplateNamespace(jinja2.utils.Namespace):
    """The global `namespace`, which takes no names that begin with an underscore."""

    def __init__(*args, **kwargs):
        self = args[0]
        for name in dict(*args[1:], **kwargs):
            TemplateNamespace.check(name)
        jinja2.utils.Namespace.__init__(*args, **kwargs)

    def __setitem__(self, name, value):
        TemplateNamespace.check(name)
        jinja2.utils.Namespace.__setitem__(self, name, value)

    @staticmethod
    def check(name):
        if isinstance(name, str) and name.startswith("_"):
            raise jinja2.exceptions.SecurityError(name)


def make_environment():
    def raise_exception(message):
        raise jinja2.exceptions.TemplateError(message)

    def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(
            x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
        )

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols]
    )
    environment.filters["tojson"] = tojson
    environment.globals["dict"] = TemplateDict()
    environment.globals["namespace"] = TemplateNamespace
    environment.globals["raise_exception"] = raise_exception
    environment.globals["strftime_now"] = NOW.strftime
    return environment


class TooSlow(Exception):
    pass


def on_alarm(signum, frame):
    raise TooSlow


# Outputs that name addresses or Python's own types say nothing about templates.
UNSTABLE = re.compile(
    r"0x[0-9a-f]{6,}|<class |<generator|<list_reverse|<function \w+ at|<built-in|<bound"
    r"|<cyfunction|<dict_|<str_|<reversed|<range_|<tuple_|<method|_iterator"
    r"|<Cycler|<Joiner|object at"
)


def render(environment, template, context):
    """The output, None for a failure, or raises TooSlow."""
    signal.setitimer(signal.ITIMER_VIRTUAL, 2.0)
    try:
        return environment.from_string(template).render(**json.loads(json.dumps(context)))
    except TooSlow:
        raise
    except (MemoryError, RecursionError) as error:
        raise TooSlow from error
    except Exception:  # jinja2 lets TypeError, KeyError and others of Python through
        return None
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


# A constant without items is sliced to an undefined value where jinja2 folds constants, and is an
# error elsewhere: nothing that a template relies on.
FOLDED = re.compile(r"(?:\b(?:[Nn]one|[Tt]rue|[Ff]alse)|[\d.])\)*\[[^\]]*:")

"""The page of `trinity serve` in a browser, and what a person does with it."""

import json
import os
import subprocess
import sys
import time
import unittest
import urllib.request

from browser import TIMEOUT_S, Browser, Tab, find_chromium

TRINITY = sys.argv.pop(1) if len(sys.argv) > 1 else "trinity"
CHAT = "*/v1/chat/completions"
EVENTS = {"Content-Type": "text/event-stream"}
LAST_ANSWER = "[...document.querySelectorAll('.answer')].at(-1)"
PROMPT = "document.getElementById('prompt')"


class Server:
    """`trinity serve` with the bundled model, at a free port."""

    def __init__(self, *flags, **environment):
        self.process = subprocess.Popen(
            [TRINITY, "serve", "--port", "0", "--threads", "2", "--kv-budget", "64MiB", *flags],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | environment,
            text=True,
        )
        self.url = self.process.stdout.readline().strip()

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(60)
        self.process.stdout.close()

    def ask(self, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self.url + path, data, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def wait_until_idle(self):
        deadline = time.monotonic() + TIMEOUT_S
        while self.ask("/v1/stats")["requests"]["running"] > 0:
            assert time.monotonic() < deadline, "the server goes on"

    def chat(self, *contents, **more):
        roles = ("user", "assistant")
        messages = [{"role": roles[i % 2], "content": text} for i, text in enumerate(contents)]
        body = {"messages": messages, "temperature": 0, **more}
        return self.ask("/v1/chat/completions", body)


def events(*deltas, usage=None, is_done=True):
    """The body of a stream, as the server sends it."""
    chunks = [{"choices": [{"index": 0, "delta": d, "finish_reason": None}]} for d in deltas]
    if usage:
        chunks.append({"choices": [], "usage": usage})
    lines = [f"data: {json.dumps(chunk)}\n\n" for chunk in chunks]
    return "".join(lines + ["data: [DONE]\n\n"] * is_done).encode()


def button(label, within="document"):
    return f"[...{within}.querySelectorAll('button')].find((b) => b.textContent === '{label}')"


class PageCase(unittest.TestCase):
    """One browser and one server for all tests; a tab with storage of its own for each."""

    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.browser = Browser(find_chromium())

    @classmethod
    def tearDownClass(cls):
        cls.browser.close()
        cls.server.close()

    def setUp(self):
        self.expected_problems = []  # parts of what the browser may complain of
        self.tab = self.open_tab(self.server)

    def open_tab(self, server):
        tab = Tab(self.browser)
        self.addCleanup(self.check_and_close, tab, server)
        tab.open(server.url)
        tab.wait("document.querySelector('#model').textContent || document.querySelector('[open]')")
        return tab

    def check_and_close(self, tab, server):
        """Nothing was asked of anybody else, and nothing went wrong unnoticed."""
        tab.handle_events()
        problems = [
            problem
            for problem in tab.problems
            if not any(part in str(problem) for part in self.expected_problems)
        ]
        others = [r["url"] for r in tab.requests if not r["url"].startswith(server.url + "/")]
        tab.close()
        self.assertEqual([], problems)
        self.assertEqual([], [url for url in others if not url.startswith(f"blob:{server.url}")])

    # What a person does.

    def ask(self, text, tab=None):
        tab = tab or self.tab
        tab.run(f"{PROMPT}.focus()")
        tab.type(text)
        tab.press("Enter")

    def wait_for_answers(self, number, tab=None):
        (tab or self.tab).wait(
            f"document.querySelectorAll('.answer').length === {number} && "
            "!document.querySelector('.growing')"
        )

    def converse(self, *texts):
        for text in texts:
            number = self.tab.run("document.querySelectorAll('.answer').length")
            self.ask(text)
            self.wait_for_answers(number + 1)

    def begin_endless_answer(self, tab):
        """The server's own, but without the end that the model would give it; until it shows."""

        def without_end(request):
            return json.dumps(json.loads(request["postData"]) | {"ignore_eos": True}).encode()

        tab.answer_with(CHAT, without_end)
        self.ask("Tell me a story.", tab)
        tab.wait("document.querySelector('.content')?.textContent")

    def set(self, tab=None, **settings):
        tab = tab or self.tab
        tab.click(button("Settings"))
        for name, value in settings.items():
            tab.run(f"document.querySelector('dialog [name={name}]').value = {json.dumps(value)}")
        tab.click(button("Save"))

    def texts(self, selector, tab=None):
        return (tab or self.tab).run(
            f"[...document.querySelectorAll({json.dumps(selector)})].map((e) => e.textContent)"
        )

    def answer_with(self, *answers):
        """Canned answers instead of the server's, the last of them for all that come after it.
        Returns the list of what is asked."""
        asked, left = [], list(answers)

        def answer(request):
            asked.append(json.loads(request["postData"]))
            body = left.pop(0) if len(left) > 1 else left[0]
            return body if isinstance(body, tuple) else (200, EVENTS, body)

        self.tab.answer_with(CHAT, answer)
        return asked

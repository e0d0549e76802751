#!/usr/bin/env python3
"""Uses the page of `trinity serve` as a person does, in headless Chromium: page_test.py TRINITY
[TEST ...]. Without Chromium it says so and exits 77, which ctest counts as skipped."""

import json
import pathlib
import signal
import sys
import tempfile
import unittest

from browser import Tab, find_chromium
from page_case import CHAT, LAST_ANSWER, PageCase, Server, button, events

HERE = pathlib.Path(__file__).parent


class PageTest(PageCase):
    # Modules by themselves.

    def run_module_test(self, name):
        equal = """(found, expected, what) => {
          if (JSON.stringify(found) === JSON.stringify(expected)) return;
          throw new Error(`${what}: expected ${JSON.stringify(expected)},
            found ${JSON.stringify(found)}`);
        }"""
        body = (HERE / name).read_text(encoding="utf-8")
        self.tab.run(f"(async () => {{ const equal = {equal};\n{body}\n}})()")

    def test_events_are_the_same_however_the_stream_is_cut(self):
        self.run_module_test("event_stream_test.js")

    def test_markdown(self):
        self.run_module_test("markdown_test.js")

    # Conversations.

    def test_answers_are_those_of_the_api(self):
        first, second = "What is a violin?", "Is a cat an animal?"
        self.set(temperature="0")
        self.converse(first, second)
        one = self.server.chat(first)["choices"][0]["message"]["content"]
        two = self.server.chat(first, one, second)["choices"][0]["message"]["content"]
        self.assertEqual([one, two], self.texts(".answer .content"))
        self.assertEqual([first, second], self.texts(".question .text"))

    def test_settings_are_sent_and_kept(self):
        asked = self.answer_with(events({"content": "ok"}))
        self.set(
            system_prompt="Be brief.",
            temperature="0.5",
            top_k="3",
            top_p="0.75",
            min_p="0.25",
            max_tokens="7",
            seed="11",
            thinking="off",
        )
        self.tab.open(self.server.url)
        self.converse("Hello")
        fields = {
            "temperature": 0.5,
            "top_k": 3,
            "top_p": 0.75,
            "min_p": 0.25,
            "max_tokens": 7,
            "seed": 11,
            "chat_template_kwargs": {"enable_thinking": False},
        }
        self.assertEqual(fields, {name: asked[0].get(name) for name in fields})
        self.assertEqual(
            [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}],
            asked[0]["messages"],
        )
        self.set(temperature="101")  # refused by the form, which stays open
        self.assertTrue(self.tab.run("document.querySelector('dialog').open"))

    def test_what_is_not_set_is_left_to_the_server(self):
        asked = self.answer_with(events({"content": "ok"}))
        self.converse("Hello")
        self.assertEqual({"messages", "stream", "stream_options"}, asked[0].keys())

    def test_defaults_of_the_server_are_shown(self):
        defaults = self.server.ask("/v1/models")["data"][0]["default_sampling"]
        for name in ("temperature", "top_k", "top_p", "min_p"):
            field = f"document.querySelector('dialog [name={name}]')"
            self.assertIn(str(defaults[name]), self.tab.run(f"{field}.placeholder"))

    def test_reasoning_is_folded(self):
        question = "What is 2 plus 3?"
        self.set(temperature="0", thinking="on")
        self.converse(question)
        message = self.server.chat(question, chat_template_kwargs={"enable_thinking": True})[
            "choices"
        ][0]["message"]
        self.assertEqual([message["content"]], self.texts(".answer .content"))
        self.assertEqual([message["reasoning_content"]], self.texts(".reasoning .markdown"))
        self.assertFalse(self.tab.run("document.querySelector('.reasoning').open"))
        self.tab.click("document.querySelector('.reasoning summary')")
        self.assertTrue(self.tab.run("document.querySelector('.reasoning').open"))

    def test_tokens_and_cached_tokens_are_told(self):
        self.set(temperature="0")
        self.converse("What is a violin?", "And a viola?")
        answers = self.texts(".answer .content")
        usage = self.server.chat("What is a violin?", answers[0], "And a viola?")["usage"]
        stats = self.texts(".stats")[1]
        self.assertIn(f"{usage['completion_tokens']} tokens", stats)
        self.assertIn(f"prompt of {usage['prompt_tokens']} tokens", stats)
        self.assertIn("tokens/s", stats)
        self.assertRegex(stats, r"[1-9]\d* of them cached")

    def test_an_answer_is_stopped_by_escape(self):
        self.begin_endless_answer(self.tab)
        self.tab.press("Escape")
        self.wait_for_answers(1)
        self.assertIn("stopped", self.texts(".stats")[0])
        self.assertNotEqual("", self.texts(".content")[0])
        self.server.wait_until_idle()  # it has heard of that as well
        self.tab.answer_with(CHAT, None)
        self.converse("And now?")

    def test_an_answer_that_the_page_is_left_in_is_kept(self):
        self.begin_endless_answer(self.tab)
        self.tab.open(self.server.url)
        self.assertIn("stopped", self.texts(".stats")[0])
        self.assertNotEqual("", self.texts(".content")[0])
        # As a browser leaves it that has crashed.
        self.tab.run(
            "for (const [key, text] of Object.entries(localStorage))"
            """ localStorage.setItem(key, text.replace('"stopped"', '"growing"'))"""
        )
        self.tab.open(self.server.url)
        self.assertIn("stopped", self.texts(".stats")[0])

    def test_an_answer_is_asked_for_again(self):
        asked = self.answer_with(*(events({"content": text}) for text in ("one", "two", "three")))
        self.converse("First", "Second")
        self.tab.click(button("Regenerate", LAST_ANSWER))
        self.tab.wait(f"{LAST_ANSWER}.querySelector('.content').textContent === 'three'")
        self.assertEqual(["one", "three"], self.texts(".content"))
        self.assertEqual(asked[1]["messages"], asked[2]["messages"])

    def test_a_message_is_edited(self):
        asked = self.answer_with(*(events({"content": text}) for text in ("one", "two", "three")))
        self.converse("First", "Second")
        self.tab.click(button("Edit", "document.querySelectorAll('.question')[1]"))
        self.tab.type(" changed")
        self.tab.press("Enter")
        self.tab.wait(f"{LAST_ANSWER}?.querySelector('.content').textContent === 'three'")
        self.assertEqual(["First", "Second changed"], self.texts(".question .text"))
        self.assertEqual(
            ["First", "one", "Second changed"],
            [message["content"] for message in asked[2]["messages"]],
        )
        self.tab.click(button("Edit"))
        self.tab.type(" dropped")
        self.tab.press("Escape")
        self.assertEqual(["First", "Second changed"], self.texts(".question .text"))
        self.tab.click(button("Edit"))
        self.tab.type("!")
        self.tab.press("Enter")
        self.wait_for_answers(1)
        self.assertEqual(["First!"], self.texts(".question .text"))

    def test_conversations_are_kept_renamed_and_deleted(self):
        self.answer_with(events({"reasoning_content": "hm", "content": "**yes**"}))
        self.converse("First")
        self.tab.click(button("New conversation"))
        self.converse("Second", "Third")
        self.tab.open(self.server.url)
        self.assertEqual(["Second", "First"], self.texts("#conversations .title"))
        self.assertEqual(["Second", "Third"], self.texts(".question .text"))
        self.assertEqual(["hm", "hm"], self.texts(".reasoning .markdown"))
        self.tab.click(button("First"))
        self.assertEqual(["First"], self.texts(".question .text"))
        self.tab.click(button("Rename"))
        self.tab.type("Renamed")
        self.tab.press("Enter")
        self.tab.open(self.server.url)
        self.assertEqual(["Second", "Renamed"], self.texts("#conversations .title"))
        self.tab.click(button("Delete"))
        self.assertEqual(["Renamed"], self.texts("#conversations .title"))
        self.tab.click(button("Undo"))
        self.assertEqual(["Second", "Renamed"], self.texts("#conversations .title"))
        self.tab.click(button("Delete"))
        self.tab.open(self.server.url)
        self.assertEqual(["Renamed"], self.texts("#conversations .title"))

    def test_conversations_are_exported_and_imported(self):
        self.answer_with(events({"content": "yes"}))
        self.converse("First")
        with tempfile.TemporaryDirectory() as folder:
            file = self.tab.save_download(folder, button("Export"))
            self.assertEqual("trinity-conversations", json.loads(file.read_text())["format"])
            self.tab.click(button("Delete"))
            self.tab.choose_file(file, button("Import"))
            self.tab.wait(button("First"))
            self.tab.click(button("First"))
            self.assertEqual(["yes"], self.texts(".content"))
            self.tab.choose_file(file, button("Import"))
            self.tab.wait("document.querySelector('#notice').textContent.includes('0 conver')")
            file.write_text('{"format": "trinity-conversations", "version": 1}')
            self.tab.choose_file(file, button("Import"))
            self.tab.wait("document.querySelector('#notice').textContent.includes('holds no')")
        self.assertEqual(["First"], self.texts("#conversations .title"))

    def test_windows_show_the_same_conversations(self):
        other = Tab(self.browser, beside=self.tab)
        other.open(self.server.url)
        self.answer_with(events({"content": "yes"}))
        self.converse("First")
        other.wait(button("First"))
        other.click(button("First"))
        other.click(button("Edit"))
        other.type(" not sent")
        self.tab.click(button("New conversation"))
        self.converse("Second")
        other.wait(button("Second"))
        editor = "document.querySelector('.editor textarea').value"
        self.assertEqual("First not sent", other.run(editor))
        self.converse("Third")
        other.click(button("Second"))
        other.wait("document.querySelectorAll('.question').length === 2")

    # What goes wrong.

    def test_a_full_browser_is_told(self):
        self.answer_with(events({"content": "yes"}))
        self.tab.run("""(() => {
          // Each size fits at most a few times before the next smaller one.
          for (let size = 1 << 24; size > 0; size >>= 1) {
            try {
              for (let number = 0; ; ++number) {
                localStorage.setItem(`${size}.${number}`, "x".repeat(size));
              }
            } catch {
              // Full, but for what is smaller.
            }
          }
        })()""")
        self.converse("First")
        self.assertIn("no room", self.texts("#notice")[0])
        self.assertEqual(["yes"], self.texts(".content"))

    def test_nothing_out_of_a_text_is_run(self):
        hostile = (
            "<img src=x onerror=alert(1)> <script>alert(2)</script> "
            "[a](javascript:alert(3)) <b>c</b>"
        )
        self.answer_with(events({"content": hostile, "reasoning_content": hostile}))
        self.converse(hostile)
        self.tab.open(self.server.url)
        self.assertEqual([hostile], self.texts(".content"))
        self.assertEqual([hostile], self.texts(".question .text"))
        self.assertEqual([hostile[:60]], self.texts("#conversations .title"))
        found = "#messages :is(img, script, b, a), #conversations :is(img, script)"
        self.assertEqual([], self.texts(found))

    def test_the_policy_of_the_page_forbids_other_scripts_and_markup(self):
        self.expected_problems = ["Content Security Policy", "TrustedHTML", "TrustedScript"]
        for assignment in (
            "document.body.innerHTML = '<b>'",
            "document.body.setAttribute('onclick', 'alert(1)')",
            "document.createElement('script').text = 'alert(1)'",
        ):
            attempt = f"(() => {{ try {{ {assignment}; return 'taken'; }}"
            name = self.tab.run(attempt + " catch (error) { return error.name; } })()")
            self.assertEqual("TypeError", name, assignment)
        other = "fetch('http://127.0.0.1:9/').then(() => 'sent', () => 'refused')"
        self.assertEqual("refused", self.tab.run(other))
        self.tab.handle_events()
        self.tab.requests = [r for r in self.tab.requests if ":9/" not in r["url"]]

    def test_refusals_are_told_in_words(self):
        self.expected_problems = ["status of"]
        error = json.dumps({"error": {"message": "draining"}}).encode()
        self.answer_with(
            (429, {"Retry-After": "7"}, error),
            (503, {}, error),
            (400, {}, error),
            (502, {}, b"<html>"),
            events({"content": "at last"}),
        )
        self.converse("Hello")
        for words in (
            "too much to do. Try again in 7 seconds",
            "not available (draining)",
            "refused the request: draining",
            "status 502",
        ):
            self.tab.wait(f"document.querySelector('.failure').textContent.includes('{words}')")
            self.tab.click(button("Try again"))
        self.tab.wait("document.querySelector('.content').textContent === 'at last'")
        self.assertEqual(
            0, self.tab.run("document.querySelectorAll('.failure:not([hidden])').length")
        )

    def test_what_had_come_is_kept_when_the_connection_is_lost(self):
        self.answer_with(
            events({"content": "half an"}, is_done=False), events({"content": "whole"})
        )
        self.converse("Hello")
        self.assertIn("connection was lost", self.texts(".failure")[0])
        self.assertEqual(["half an"], self.texts(".content"))
        self.tab.open(self.server.url)
        self.assertIn("connection was lost", self.texts(".failure")[0])
        self.tab.click(button("Try again"))
        self.tab.wait("document.querySelector('.content').textContent === 'whole'")

    def test_a_server_that_ends_is_noticed(self):
        self.expected_problems = ["net::ERR"]
        server = Server()
        self.addCleanup(server.close)
        tab = self.open_tab(server)
        self.begin_endless_answer(tab)
        server.process.send_signal(signal.SIGKILL)
        self.wait_for_answers(1, tab)
        self.assertIn("connection was lost", self.texts(".failure", tab)[0])
        self.assertNotEqual("", self.texts(".content", tab)[0])
        tab.answer_with(CHAT, None)
        tab.click(button("Try again"))
        tab.wait("document.querySelector('.failure').textContent.includes('cannot be reached')")

    def test_a_key_is_asked_for(self):
        self.expected_problems = ["status of 401"]
        server = Server(TRINITY_API_KEY="secret")
        self.addCleanup(server.close)
        tab = self.open_tab(server)
        self.assertEqual("api_key", tab.run("document.activeElement.name"))
        tab.type("wrong")
        tab.press("Enter")
        tab.wait("document.querySelector('#notice').textContent.includes('does not accept')")
        tab.wait("document.querySelector('dialog').open")
        tab.run("document.querySelector('dialog [name=api_key]').value = 'ключ'")
        tab.press("Enter")
        tab.wait("document.querySelector('#notice').textContent.includes('characters')")
        self.set(tab, api_key="secret")
        tab.wait("document.querySelector('#model').textContent === 'trinity-pico'")
        self.ask("What is a violin?", tab)
        self.wait_for_answers(1, tab)
        self.assertNotEqual("", self.texts(".content", tab)[0])

    # How it looks and is reached.

    def test_it_is_dark_or_light(self):
        background = "getComputedStyle(document.body).backgroundColor"
        self.tab.prefer("light")
        light = self.tab.run(background)
        self.tab.prefer("dark")
        dark = self.tab.run(background)
        self.assertNotEqual(light, dark)
        self.tab.click(button("Dark or light"))
        self.assertEqual(light, self.tab.run(background))
        self.tab.open(self.server.url)
        self.assertEqual(light, self.tab.run(background))
        self.tab.click(button("Dark or light"))
        self.assertEqual(dark, self.tab.run(background))
        self.tab.prefer("light")  # what agrees with the system is no choice
        self.assertEqual(light, self.tab.run(background))

    def test_a_narrow_screen_shows_everything(self):
        self.tab.resize(320, 600)
        wide = f"{'x' * 200}\n\n```\n{'y ' * 200}\n```\n\n|{'z' * 50}|b|c|\n|-|-|-|\n|1|2|3|"
        self.answer_with(events({"content": wide}))
        self.converse("w" * 300)
        overflow = (
            "document.documentElement.scrollWidth > innerWidth || "
            "document.querySelector('#messages').scrollWidth > "
            "document.querySelector('#messages').clientWidth"
        )
        self.assertFalse(self.tab.run(overflow))
        self.tab.click(button("Menu"))
        self.tab.click(button("New conversation"))
        self.assertEqual([], self.texts(".question"))
        self.tab.click(button("Menu"))
        self.tab.press("Escape")
        self.assertEqual("menu", self.tab.run("document.activeElement.id"))
        self.tab.click(button("Menu"))
        self.tab.click(button("Settings"))
        self.assertFalse(self.tab.run(overflow))
        inside = "document.querySelector('dialog').getBoundingClientRect().right <= innerWidth"
        self.assertTrue(self.tab.run(inside))

    def test_everything_is_reached_by_keyboard(self):
        self.answer_with(events({"reasoning_content": "hm", "content": "```\ncode\n```"}))
        self.assertEqual("prompt", self.tab.run("document.activeElement.id"))
        self.tab.type("One")
        self.tab.press("Enter", shift=True)
        self.tab.type("two")
        self.tab.press("Enter")
        self.wait_for_answers(1)
        self.assertEqual(["One\ntwo"], self.texts(".question .text"))
        self.assertEqual("prompt", self.tab.run("document.activeElement.id"))
        reached = set()
        for _ in range(24):
            self.tab.press("Tab")
            label, outline = self.tab.run(
                "(({textContent, ariaLabel, tagName}) => [ariaLabel ?? (textContent || tagName),"
                " getComputedStyle(document.activeElement).outlineStyle])(document.activeElement)"
            )
            if label != "BODY" and self.tab.run("document.activeElement !== document.body"):
                reached.add(label)
                self.assertNotEqual("none", outline, label)
        for label in (
            "Message",
            "Send",
            "New conversation",
            "One",
            "Rename",
            "Delete",
            "Settings",
            "Dark or light",
            "Export",
            "Import",
            "Edit",
            "Copy",
            "Regenerate",
            "Reasoning",
            "code",
        ):
            self.assertIn(label, reached)

    def test_screen_readers_hear_whole_answers(self):
        self.answer_with(events({"content": "yes"}))
        self.assertEqual("log", self.tab.run("document.querySelector('#messages').role"))
        self.converse("Hello")
        self.assertEqual("false", self.tab.run("document.querySelector('#messages').ariaBusy"))
        self.assertEqual(
            [],
            self.tab.run(
                "[...document.querySelectorAll('input, textarea, select, button')]"
                ".filter((e) => !e.ariaLabel && !e.labels?.length && !e.textContent)"
                ".map((e) => e.outerHTML)"
            ),
        )


if __name__ == "__main__":
    if not find_chromium():
        print("chromium is missing: tools/install_dependencies test installs it")
        sys.exit(77)
    unittest.main(verbosity=2)

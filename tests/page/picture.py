#!/usr/bin/env python3
"""Takes the picture of the page that docs/serving.md shows: picture.py TRINITY docs/page.png"""

import sys

from browser import Browser, Tab, find_chromium
from page_case import Server, button

QUESTIONS = ("What is a piano?", "What is a violin?", "Write a poem about the sea.")


def ask(tab, text, number):
    tab.run("document.getElementById('prompt').focus()")
    tab.type(text)
    tab.press("Enter")
    tab.wait(f"document.querySelectorAll('.stats:not(:empty)').length === {number}")


def main():
    path = sys.argv[1]  # the program has been taken by page_case
    server, browser = Server(), Browser(find_chromium())
    tab = Tab(browser)
    tab.resize(960, 600)
    tab.open(server.url)
    tab.click(button("Settings"))
    tab.run("document.querySelector('dialog [name=temperature]').value = '0'")
    tab.click(button("Save"))
    ask(tab, QUESTIONS[0], 1)
    tab.click(button("New conversation"))
    for number, question in enumerate(QUESTIONS[1:], 1):
        ask(tab, question, number)
    tab.save_picture(path)
    browser.close()
    server.close()


if __name__ == "__main__":
    main()

"""A headless Chromium, spoken to in its DevTools protocol over a pair of pipes."""

import base64
import json
import os
import pathlib
import select
import shutil
import subprocess
import tempfile
import time

POLL_S = 0.01
TIMEOUT_S = 30  # for each answer of the browser, and each condition that is waited for


def find_chromium():
    return shutil.which("chromium") or shutil.which("chromium-browser")


def _base64(data):
    return base64.b64encode(data).decode()


class Browser:
    """The process. It reads messages from its file 3 and writes to 4; a zero byte ends each."""

    def __init__(self, program):
        self._profile = tempfile.TemporaryDirectory(prefix="trinity-page-")
        browser_reads, self._to = os.pipe()
        self._from, browser_writes = os.pipe()
        command = [
            program,
            "--headless=new",
            "--no-sandbox",  # there are none in most containers, and none as root
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--remote-debugging-pipe",
            f"--user-data-dir={self._profile.name}",
            "about:blank",
        ]
        redirect = f'exec "$@" 3<&{browser_reads} 4>&{browser_writes}'
        self._process = subprocess.Popen(
            ["bash", "-c", redirect, "bash", *command],
            pass_fds=[browser_reads, browser_writes],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(browser_reads)
        os.close(browser_writes)
        self._unread = b""
        self._last_id = 0
        self._events = []

    def close(self):
        self.call("Browser.close")
        self._process.wait(TIMEOUT_S)
        os.close(self._to)
        os.close(self._from)
        self._profile.cleanup()

    def call(self, method, session=None, **parameters):
        """The result of a command. Events that come before it wait for take_events."""
        self._last_id += 1
        message = {"id": self._last_id, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") != self._last_id:
                self._events.append(answer)
            elif "error" in answer:
                raise RuntimeError(f"{method}: {answer['error']['message']}")
            else:
                return answer["result"]

    def take_events(self, session):
        """What has happened in a session, and in none, since the last time, without waiting."""
        while b"\0" in self._unread or select.select([self._from], [], [], 0)[0]:
            self._events.append(self._read())
        taken = [e for e in self._events if e.get("sessionId", session) == session]
        self._events = [e for e in self._events if e.get("sessionId", session) != session]
        return taken

    def _read(self):
        while b"\0" not in self._unread:
            if not select.select([self._from], [], [], TIMEOUT_S)[0]:
                raise TimeoutError("the browser does not answer")
            received = os.read(self._from, 1 << 20)
            if not received:
                raise RuntimeError("the browser has ended")
            self._unread += received
        message, _, self._unread = self._unread.partition(b"\0")
        return json.loads(message)


class Tab:
    """A page in the browser, with storage of its own or that of the tab `beside` it. Remembers
    whatever went wrong in it."""

    def __init__(self, browser, beside=None):
        self._browser = browser
        if beside:
            self._context = beside._context
        else:
            self._context = browser.call("Target.createBrowserContext")["browserContextId"]
        target = browser.call(
            "Target.createTarget", url="about:blank", browserContextId=self._context
        )
        self._session = browser.call(
            "Target.attachToTarget", targetId=target["targetId"], flatten=True
        )["sessionId"]
        self.problems = []  # uncaught errors, messages on the console, dialogs
        self.requests = []  # {"url", "method", "headers", ...} as Network.Request
        self._answers = None  # see `answer_with`
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def close(self):
        self._browser.call("Target.disposeBrowserContext", browserContextId=self._context)

    def call(self, method, **parameters):
        return self._browser.call(method, session=self._session, **parameters)

    def open(self, url):
        """Loads a page, or the one that is there once more, and waits until its scripts ran."""
        self.call("Page.navigate", url=url)
        self.wait("document.readyState === 'complete' && document.title !== ''")

    def run(self, script):
        """The value of a JavaScript expression; of a promise, what it becomes."""
        answer = self.call(
            "Runtime.evaluate",
            expression=script,
            awaitPromise=True,
            returnByValue=True,
            userGesture=True,
        )
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            text = details.get("exception", {}).get("description") or details["text"]
            raise AssertionError(f"{text}\nin: {script[:300]}")
        return answer["result"].get("value")

    def wait(self, condition):
        """Until a JavaScript expression is true."""
        deadline = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline:
            if self.run(f"!!({condition})"):
                return
            self.handle_events()
            time.sleep(POLL_S)
        raise AssertionError(f"never true: {condition}")

    def handle_events(self):
        for event in self._browser.take_events(self._session):
            self._handle(event["method"], event["params"])

    def _handle(self, method, event):
        if method == "Runtime.exceptionThrown":
            self.problems.append(event["exceptionDetails"])
        elif method == "Runtime.consoleAPICalled":
            self.problems.append(event["args"])
        elif method == "Log.entryAdded" and event["entry"]["level"] == "error":
            self.problems.append(event["entry"]["text"])
        elif method == "Page.javascriptDialogOpening":
            self.problems.append(event["message"])
            self.call("Page.handleJavaScriptDialog", accept=False)
        elif method == "Network.requestWillBeSent":
            self.requests.append(event["request"])
        elif method == "Fetch.requestPaused":
            self._answer(event)

    def answer_with(self, pattern, answer):
        """Gives requests that match `pattern` to answer(request) instead of to the server. It
        returns (status, headers, body), or a body to send to the server in place of the one that
        there was. None: no more of that."""
        self._answers = answer
        if answer is None:
            self.call("Fetch.disable")
        else:
            self.call("Fetch.enable", patterns=[{"urlPattern": pattern}])

    def _answer(self, event):
        answer = self._answers(event["request"])
        if isinstance(answer, bytes):
            self.call(
                "Fetch.continueRequest", requestId=event["requestId"], postData=_base64(answer)
            )
            return
        status, headers, body = answer
        self.call(
            "Fetch.fulfillRequest",
            requestId=event["requestId"],
            responseCode=status,
            responseHeaders=[{"name": name, "value": value} for name, value in headers.items()],
            body=_base64(body),
        )

    def press(self, key, shift=False):
        code = {"Enter": 13, "Escape": 27, "Tab": 9, " ": 32}[key]
        text = {"Enter": "\r", " ": " "}.get(key, "")
        event = {"key": key, "code": key, "windowsVirtualKeyCode": code, "text": text}
        self.call("Input.dispatchKeyEvent", type="keyDown", modifiers=8 * shift, **event)
        self.call("Input.dispatchKeyEvent", type="keyUp", modifiers=8 * shift, **event)

    def type(self, text):
        self.call("Input.insertText", text=text)

    def click(self, element):
        """`element`: a JavaScript expression. By its place, as a mouse: not what is covered."""
        place = self.run(
            f"(() => {{ const e = {element}; e.scrollIntoView({{block: 'nearest'}});"
            " const b = e.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2];"
            " })()"
        )
        event = {"x": place[0], "y": place[1], "button": "left", "clickCount": 1}
        self.call("Input.dispatchMouseEvent", type="mousePressed", **event)
        self.call("Input.dispatchMouseEvent", type="mouseReleased", **event)

    def resize(self, width, height):
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def prefer(self, scheme):
        """ "dark" or "light", as the system has it."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.call("Emulation.setEmulatedMedia", features=features)

    def save_download(self, folder, element):
        """Clicks what saves a file; the path of the file, in `folder`."""
        self._browser.call(
            "Browser.setDownloadBehavior",
            behavior="allowAndName",
            browserContextId=self._context,
            downloadPath=folder,
            eventsEnabled=True,
        )
        self.click(element)
        event = self._wait_for_event(
            "Browser.downloadProgress", lambda event: event["state"] == "completed"
        )
        return pathlib.Path(folder) / event["guid"]

    def choose_file(self, path, element):
        """Clicks what asks for a file, and chooses this one."""
        self.call("Page.setInterceptFileChooserDialog", enabled=True)
        self.click(element)
        event = self._wait_for_event("Page.fileChooserOpened", lambda event: True)
        node = event["backendNodeId"]
        self.call("DOM.setFileInputFiles", files=[str(path)], backendNodeId=node)

    def _wait_for_event(self, method, is_wanted):
        deadline = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline:
            found = None
            for event in self._browser.take_events(self._session):
                self._handle(event["method"], event["params"])
                if event["method"] == method and is_wanted(event["params"]):
                    found = event["params"]
            if found:
                return found
            time.sleep(POLL_S)
        raise AssertionError(f"never came: {method}")

    def save_picture(self, path):
        picture = self.call("Page.captureScreenshot", format="png")["data"]
        pathlib.Path(path).write_bytes(base64.b64decode(picture))

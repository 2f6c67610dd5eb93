"""Chromium without a window, over its DevTools protocol on a pipe: what a page says, asks for, shows and answers to.

    with browser.Browser(folder) as chromium:      folder: for what it keeps
        page = chromium.open(path)                 a file
        page.click("#search")

Debian: chromium. Input is real: the mouse hits what lies there, keys go to what has the focus.
"""
import base64
import fcntl
import json
import os
import select
import shutil
import signal
import subprocess
import time

PATIENCE = 120  # seconds that an answer may take before the browser counts as hung
KEYS = {"Tab": 9, "Enter": 13, "Escape": 27, " ": 32}


def program():
    return shutil.which("chromium")


class Browser:
    def __init__(self, folder):
        # As fd 3 and 4 in the browser: from high numbers, so that neither is overwritten while the other is moved.
        (theirs_in, self.to), (self.back, theirs_out) = os.pipe(), os.pipe()
        high = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 20) for fd in (theirs_in, theirs_out)]
        self.log = open(os.path.join(folder, "chromium.log"), "w")
        try:
            self.process = subprocess.Popen(
                [program(), "--headless=new", "--no-sandbox", "--remote-debugging-pipe", f"--user-data-dir={folder}/profile", "--disable-gpu",
                 "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
                 "--disable-dev-shm-usage", "--no-proxy-server", "--host-resolver-rules=MAP * ~NOTFOUND", "--lang=en-US", "about:blank"],
                env={"PATH": "/usr/bin:/bin", "HOME": str(folder), "TMPDIR": str(folder), "LANG": "C.UTF-8"},
                stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, start_new_session=True, pass_fds=(3, 4),
                preexec_fn=lambda: (os.dup2(high[0], 3), os.dup2(high[1], 4)))
        finally:
            for fd in (theirs_in, theirs_out, *high):
                os.close(fd)
        self.received, self.number, self.events = b"", 0, []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # The processes it made are of its group.
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        os.close(self.to)
        os.close(self.back)
        self.log.close()

    def message(self):
        """The next answer or event."""
        until = time.monotonic() + PATIENCE
        while b"\0" not in self.received:
            if not select.select([self.back], [], [], max(0, until - time.monotonic()))[0]:
                raise TimeoutError(f"chromium says nothing; see {self.log.name}")
            more = os.read(self.back, 1 << 20)
            if not more:
                with open(self.log.name) as log:
                    raise EOFError("chromium ended: " + log.read()[-2000:])
            self.received += more
        text, self.received = self.received.split(b"\0", 1)
        return json.loads(text)

    def call(self, method, session=None, **parameters):
        self.number += 1
        words = {"id": self.number, "method": method, "params": parameters}
        if session:
            words["sessionId"] = session
        rest = json.dumps(words).encode() + b"\0"
        while rest:
            rest = rest[os.write(self.to, rest):]
        number = self.number
        while True:
            message = self.message()
            if message.get("id") == number:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']['message']}")
                return message["result"]
            if "method" in message:
                self.events.append(message)

    def open(self, path, width=1280, height=900):
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        page = Page(self, self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"])
        for domain in ("Page", "Runtime", "Log", "Network"):
            page.call(domain + ".enable")
        page.resize(width, height)
        page.load("file://" + str(path))
        return page


class Page:
    def __init__(self, browser, session):
        self.browser, self.session = browser, session

    def call(self, method, **parameters):
        return self.browser.call(method, self.session, **parameters)

    def events(self, *methods):
        return [e["params"] for e in self.browser.events if e.get("sessionId") == self.session and e["method"] in methods]

    def load(self, url):
        seen = len(self.events("Page.loadEventFired"))
        self.call("Page.navigate", url=url)
        while len(self.events("Page.loadEventFired")) == seen:
            self.browser.events.append(self.browser.message())

    # ---- what the page said and asked for

    def said(self):
        """On the console; what it threw; what the browser said of it."""
        self.js("0")
        return ([" ".join(str(a.get("value", a.get("description"))) for a in e["args"]) for e in self.events("Runtime.consoleAPICalled")] +
                [e["exceptionDetails"].get("exception", {}).get("description") or e["exceptionDetails"]["text"]
                 for e in self.events("Runtime.exceptionThrown")] +
                [e["entry"]["text"] for e in self.events("Log.entryAdded")] +
                ["a dialog: " + e["message"] for e in self.events("Page.javascriptDialogOpening")])

    def asked_for(self):
        """Addresses, in order."""
        return [e["request"]["url"] for e in self.events("Network.requestWillBeSent")]

    # ---- what it shows

    def js(self, expression):
        """The value of an expression, which may be a promise's."""
        done = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in done:
            raise RuntimeError(done["exceptionDetails"].get("exception", {}).get("description", done["exceptionDetails"]["text"]))
        return done["result"].get("value")

    def resize(self, width, height=900):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def media(self, kind="", **features):
        """`print`, or "" for the screen; features as prefers_color_scheme="dark"."""
        self.call("Emulation.setEmulatedMedia", media=kind, features=[{"name": k.replace("_", "-"), "value": v} for k, v in features.items()])

    def screenshot(self):
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])

    def pdf(self):
        return base64.b64decode(self.call("Page.printToPDF", printBackground=False)["data"])

    # ---- what a person does

    def click(self, selector):
        """Where the middle of the element is, which has to be what lies there."""
        spot = self.js("""(() => {
            const e = document.querySelector(%s); if (!e) return "no such element";
            e.scrollIntoView({ block: "center" }); const r = e.getClientRects()[0]; if (!r) return "not shown";
            const x = r.x + r.width / 2, y = r.y + r.height / 2, there = document.elementFromPoint(x, y);
            return e.contains(there) ? [x, y] : "covered by " + (there ? there.outerHTML.slice(0, 200) : "nothing"); })()""" % json.dumps(selector))
        if isinstance(spot, str):
            raise AssertionError(f"{selector}: {spot}")
        for kind, buttons in (("mouseMoved", 0), ("mousePressed", 1), ("mouseReleased", 0)):
            self.call("Input.dispatchMouseEvent", type=kind, x=spot[0], y=spot[1], button="none" if kind == "mouseMoved" else "left",
                      buttons=buttons, clickCount=int(kind != "mouseMoved"))

    def write(self, text):
        self.call("Input.insertText", text=text)

    def key(self, name, shift=False):
        text = {"Enter": "\r", " ": " "}.get(name)
        known = dict(key=name, code="Space" if name == " " else name, windowsVirtualKeyCode=KEYS[name], modifiers=8 * shift)
        self.call("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", **known, **({"text": text} if text else {}))
        self.call("Input.dispatchKeyEvent", type="keyUp", **known)

"""The pages in a real browser: Chromium without a window, through its DevTools pipe."""

import base64
import io
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")

START = """
import fcntl, os, sys
pipes = [fcntl.fcntl(int(pipe), fcntl.F_DUPFD, 10) for pipe in sys.argv[1:3]]
for pipe, number in zip(pipes, (3, 4)):  # the browser listens on 3 and answers on 4
    os.dup2(pipe, number)
os.execvp(sys.argv[3], sys.argv[3:])
"""


class Browser:
    """A Chromium and one tab of it."""

    def __init__(self, program: str, folder):
        (theirs_in, self._out), (self._in, theirs_out) = os.pipe(), os.pipe()
        command = [program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                   f"--user-data-dir={folder}", "--remote-debugging-pipe", "about:blank"]
        self._process = subprocess.Popen([sys.executable, "-c", START, str(theirs_in), str(theirs_out), *command],
                                         pass_fds=(theirs_in, theirs_out), stdout=subprocess.DEVNULL,
                                         stderr=subprocess.DEVNULL)
        os.close(theirs_in)
        os.close(theirs_out)
        self._rest, self._count, self._session, self.heard = b"", 0, None, []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters) -> dict:
        """The answer to one command; what happens meanwhile is heard."""
        self._count += 1
        session = {"sessionId": self._session} if self._session else {}
        command = {"id": self._count, "method": method, "params": parameters} | session
        os.write(self._out, json.dumps(command).encode() + b"\0")
        while (message := self._next()).get("id") != self._count:
            self.heard.append(message)
        assert "error" not in message, message
        return message["result"]

    def open(self, path) -> None:
        """Loads a file and waits until it is there."""
        self.heard = []
        self.call("Page.navigate", url=f"file://{path}")
        while not any(message.get("method") == "Page.loadEventFired" for message in self.heard):
            self.heard.append(self._next())

    def run(self, script: str):
        """The value of a JavaScript expression on the page."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def show(self, width: int, scheme: str = "light") -> np.ndarray:
        """A picture of the upper page, uint8 [H, W, 3]."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=1000, deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        data = base64.b64decode(self.call("Page.captureScreenshot")["data"])
        return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))

    def press(self, key: str, code: int, text: str = "") -> None:
        """One key, as a hand would."""
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, text=text)

    def close(self) -> None:
        """Ends the browser."""
        self._process.terminate()
        self._process.wait(timeout=30)
        os.close(self._out)
        os.close(self._in)

    def _next(self) -> dict:
        while b"\0" not in self._rest:
            part = os.read(self._in, 1 << 20)
            assert part, f"the browser ended with {self._process.poll()}"
            self._rest += part
        message, _, self._rest = self._rest.partition(b"\0")
        return json.loads(message)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        pytest.skip(f"no browser: expected one of {', '.join(BROWSERS)} on the PATH (Debian: apt-get install chromium)")
    browser = Browser(program, tmp_path_factory.mktemp("browser"))
    yield browser
    browser.close()


HOSTILE = "<script>document.title = 'taken'</script>"
A4 = "--flagfile=flags/thesis/ch2/table_2_3/A4.cfg"


@pytest.fixture
def comparison(pretend, tmp_path, masking_run, cam_run, monkeypatch, pytestconfig):
    """A page of runs on VOC, one of them with a hostile class, and two real ones with pictures."""
    from wsss_tf.compare.comparison import compare
    from wsss_tf.compare.page import write_page

    monkeypatch.chdir(pytestconfig.rootpath)
    folders = [pretend(A4, f"--seed={seed}", f"--experiment=a_{seed}", plain=0.6 + 0.01 * seed, crf=0.05) for seed in (0, 1)]
    hostile = {"classes": ["background", HOSTILE], "val_masks": "other", "val_images": 7}
    folders.append(pretend(A4, f"--experiment={HOSTILE}".replace("/", "|"), "--seed=3", prepared=hostile, iou=[0.5, 0.25],
                           runs=tmp_path / "hostile"))
    path = tmp_path / "comparison.html"
    write_page(path, compare([*map(str, folders), str(masking_run.folder), str(cam_run.folder)]), photos=2)
    return path


def column(browser, name: str, table: int = 0) -> list[str]:
    """The visible cells below a head."""
    return browser.run(f"""(() => {{
      const table = document.querySelectorAll("table")[{table}];
      const at = [...table.tHead.rows[0].cells].findIndex(cell => cell.innerText.trim() === {json.dumps(name)});
      return [...table.tBodies[0].rows].filter(row => row.offsetParent).map(row => row.cells[at].innerText.trim());
    }})()""")


def click(browser, selector: str) -> None:
    """A real click of the mouse in the middle of an element."""
    x, y = browser.run(f"""(() => {{
      const element = document.querySelector({json.dumps(selector)});
      element.scrollIntoView({{block: "center", inline: "center"}});
      const box = element.getBoundingClientRect();
      return [box.x + box.width / 2, box.y + box.height / 2];
    }})()""")
    for kind in ("mousePressed", "mouseReleased"):
        browser.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)


def sorting(browser, head: int) -> str | None:
    return browser.run(f"document.querySelectorAll('th')[{head}].getAttribute('aria-sort')")


def test_page_needs_nothing_else_and_runs_nothing_foreign(browser, comparison):
    browser.open(comparison)
    requests = [message["params"]["request"]["url"] for message in browser.heard
                if message.get("method") == "Network.requestWillBeSent"]
    assert requests and all(url.startswith(("file:", "data:")) for url in requests)
    assert sum(url.startswith("file:") for url in requests) == 1
    assert not [message for message in browser.heard if message.get("method") in ("Log.entryAdded", "Runtime.exceptionThrown")]
    assert browser.run("document.title") == "Measured beside original"
    assert browser.run("document.scripts.length") == 1 and browser.run("document.links.length") == 0
    assert HOSTILE in browser.run("document.body.innerText")
    assert browser.run("[...document.images].every(image => image.complete && image.naturalWidth > 0)")
    assert browser.run("document.images.length") >= 2 * (2 + 2 * 2)


def test_table_is_sorted_by_the_mouse_and_by_the_keyboard(browser, comparison):
    browser.open(comparison)
    browser.show(1300)
    before = column(browser, "Measured")
    click(browser, "th:nth-child(4) button")
    values = [float(text.split()[0]) for text in column(browser, "Measured")]
    assert values == sorted(values, reverse=True) and sorting(browser, 3) == "descending" and len(values) == len(before)
    browser.press("Enter", 13, "\r")  # the button still has the focus
    values = [float(text.split()[0]) for text in column(browser, "Measured")]
    assert values == sorted(values) and sorting(browser, 3) == "ascending"
    browser.press("Tab", 9)
    browser.press("Tab", 9)
    browser.press(" ", 32, " ")  # two heads on: the differences, of which one is negative and most do not exist
    assert sorting(browser, 5) == "descending" and sorting(browser, 3) is None
    found = column(browser, "Difference")
    numbers = [float(text) for text in found[:2]]
    assert numbers == sorted(numbers, reverse=True) and numbers[0] > -3 and numbers[1] < -50
    assert not any(text.lstrip("+-").replace(".", "").isdigit() for text in found[2:])


def test_table_is_filtered_as_one_types(browser, comparison):
    browser.open(comparison)
    total = len(column(browser, "Run"))
    click(browser, ".filter input")
    browser.call("Input.insertText", text="THESIS_2.3 authors")
    assert column(browser, "CRF") == ["authors", "authors"] and "a" in column(browser, "Run")
    assert browser.run("document.querySelector('.filter output').innerText") == f"2 of {total} rows"
    browser.call("Input.insertText", text=" measured on 7 images")  # a reason that is folded
    assert column(browser, "Run") == [HOSTILE.replace("/", "|")]
    browser.call("Input.insertText", text=" nothing like this")
    assert column(browser, "Run") == []
    browser.run("document.activeElement.select()")
    browser.press("Backspace", 8)
    assert len(column(browser, "Run")) == total


def test_reasons_unfold(browser, comparison):
    browser.open(comparison)
    browser.show(1300)
    reason = "measured on 7 images of VOC 2012 val, the row 1,449 images of VOC 2012 val"
    assert reason not in browser.run("document.querySelector('table').innerText")
    click(browser, "td summary")
    assert reason in browser.run("document.querySelector('table').innerText")


CONTRAST = """(() => {
  const parts = colour => colour.match(/[\\d.]+/g).slice(0, 3).map(Number);
  const linear = c => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const light = colour => { const [r, g, b] = parts(colour).map(linear); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const card = light(getComputedStyle(document.querySelector("section")).backgroundColor);
  return ["td", "th", "p.note", "figcaption", "summary", ".filter output", "dt", "h2"].map(name => {
    const ink = light(getComputedStyle(document.querySelector(name)).color);
    return (Math.max(ink, card) + 0.05) / (Math.min(ink, card) + 0.05);
  });
})()"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1300, 400])
def test_page_is_readable_in_both_schemes_and_on_a_phone(browser, comparison, scheme, width):
    browser.open(comparison)
    picture = browser.show(width, scheme)
    assert picture.shape[1] == width
    assert (np.median(picture) > 200) == (scheme == "light") and (np.median(picture) < 60) == (scheme == "dark")
    assert min(browser.run(CONTRAST)) >= 4.5, "as WCAG asks of text"
    assert browser.run("document.documentElement.scrollWidth <= window.innerWidth"), "only tables scroll sideways"
    assert browser.run("""[...document.querySelectorAll(".scroll")].every(part => part.tabIndex === 0)""")


def test_lines_differ_without_colours(browser, comparison):
    """Two lines of one colour have other dashes, and neighbours differ in both."""
    from wsss_tf.report.charts import Charts, lines
    from wsss_tf.report.document import Document, Section
    from wsss_tf.report.render import write_page

    series = {str(index): ([0, 1], [index, index + 1]) for index in range(8)}
    page = comparison.with_name("lines.html")
    write_page(page, Document("lines", {}, (Section("lines", (Charts((lines("lines", series),)),)),)))
    browser.open(page)
    drawn = browser.run("""[...document.querySelectorAll("svg[role=img] polyline")].map(
        line => [line.getAttribute("class"), line.getAttribute("stroke-dasharray")].join())""")
    assert len(drawn) == len(set(drawn)) == 8
    assert len({line.split(",")[1] for line in drawn[:4]}) == 4


def test_report_of_a_run_is_sorted(browser, masking_run):
    browser.open(masking_run.folder / "report" / "report.html")
    browser.show(1300)
    click(browser, "th:nth-child(5) button")
    values = [float(text) if text != "-" else -1 for text in column(browser, "mIoU")]
    assert values == sorted(values, reverse=True) and len(values) == 4

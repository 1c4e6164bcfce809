"""The page in a real browser: charts drawn, pictures decoded, nothing complained about."""

import re
import shutil
import subprocess

import pytest

from convatlas.reports import write_report
from tests.reports import sample

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no chromium on this machine")

# What a person does, with the outcome left where the dump shows it.
_CLICKS = """<script>addEventListener("load", () => {
  const all = (selector) => [...document.querySelectorAll("#candidates " + selector)];
  const header = all("th").find((h) => h.innerText === "Size");
  const shown = () => all("tbody tr").filter((r) => !r.hidden);
  header.querySelector("button").click();
  const sizes = shown().map((r) => Number(r.cells[header.cellIndex].dataset.value));
  document.documentElement.dataset.falling = sizes.every((s, i) => i === 0 || s <= sizes[i - 1]);
  document.querySelector("[data-filter='finalist']").click();
  document.documentElement.dataset.finalists = shown().length;
});</script></body>"""


def opened(path, tmp_path):
    """The document after its scripts ran, and the browser's log."""
    command = [
        BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
        f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=5000",
        "--blink-settings=availableHoverTypes=2,primaryHoverType=2",
        "--enable-logging=stderr", "--dump-dom", path.as_uri(),
    ]  # fmt: skip
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return ended.stdout, ended.stderr


def test_charts_pictures_sorting_and_filter(tmp_path):
    result = sample.whole(sample.HOSTILE)
    path = write_report(result, tmp_path / "report.html", pictures=sample.pictures(result))
    path.write_text(path.read_text(encoding="utf-8").replace("</body>", _CLICKS), encoding="utf-8")
    dom, log = opened(path, tmp_path)
    assert "CONSOLE" not in log, [line for line in log.splitlines() if "CONSOLE" in line]
    root = dict(re.findall(r'data-(\w+)="([^"]*)"', dom[: dom.index("<head")]))
    mistakes = len(result["test"]["mistakes"])
    assert root == {"charts": "5", "pictures": str(mistakes), "falling": "true", "finalists": "2"}
    buttons = set(re.findall(r'class="modebar-btn[^>]*data-title="([^"]*)"', dom))
    assert buttons == {"Download plot as a PNG", "Zoom", "Pan", "Reset axes"}
    for key in ("candidates", "rounds", "loss", "validation", "confusion"):
        start = dom.index(f'id="chart-{key}"')
        assert 'class="main-svg"' in dom[start : dom.index("<figcaption", start)]


def test_page_without_charts(tmp_path):
    path = write_report(sample.nothing_fits(), tmp_path / "report.html", pictures={})
    dom, log = opened(path, tmp_path)
    assert "CONSOLE" not in log, [line for line in log.splitlines() if "CONSOLE" in line]
    assert 'data-charts="0"' in dom

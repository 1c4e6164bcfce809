"""The comparison of costs in a real browser."""

import re

import pytest

from convatlas.reports import write_cost_comparison
from tests.reports.nets import compared
from tests.reports.test_browser import BROWSER, opened

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no chromium on this machine")

_CLICKS = """<script>addEventListener("load", () => {
  const all = (selector) => [...document.querySelectorAll("#side-by-side " + selector)];
  all("th").find((h) => h.innerText === "Params").querySelector("button").click();
  document.documentElement.dataset.first = all("tbody tr")[0].cells[0].innerText;
});</script></body>"""


def test_charts_are_drawn_and_a_header_sorts(tmp_path):
    variants = ("mobilenet_v1", "squeezenet_1_1", "zfnet")
    path = write_cost_comparison(compared(*variants), tmp_path / "cost.html")
    path.write_text(path.read_text(encoding="utf-8").replace("</body>", _CLICKS), encoding="utf-8")
    dom, log = opened(path, tmp_path)
    assert "CONSOLE" not in log, [line for line in log.splitlines() if "CONSOLE" in line]
    root = dict(re.findall(r'data-(\w+)="([^"]*)"', dom[: dom.index("<head")]))
    assert root == {"charts": "11", "pictures": "0", "first": "zfnet"}

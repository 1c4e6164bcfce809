"""The comparison of costs: what the page says, and what its charts hold."""

import re
from dataclasses import replace
from math import log10

import pytest

from convatlas.errors import UserError
from convatlas.reports import NetCost, write_cost_comparison
from tests.reports import sample
from tests.reports.nets import compared, report_of
from tests.reports.test_page import Page

FIVE = ("vgg_d", "googlenet", "zfnet", "squeezenet_1_1", "mobilenet_v1")


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> Page:
    path = tmp_path_factory.mktemp("page") / "cost.html"
    return Page(write_cost_comparison(compared(*FIVE), path).read_text(encoding="utf-8"))


def row(page: Page, start: str, *, width: int) -> list[str]:
    return next(cells for cells in page.rows if len(cells) == width and cells[0] == start)


def test_sections_and_charts(page):
    assert "5 nets, from 388 M mult-adds (squeezenet_1_1) to 15.5 G (vgg_d)." in page.text
    assert {key.split("-")[0] for key in page.figures} == {"accuracy", "depth", "stem", "types"}
    drawn = [
        attributes["data-figure"] for attributes in page.all("div") if "data-figure" in attributes
    ]
    assert sorted(drawn) == sorted(page.figures)
    assert len(drawn) == 4 + 4 + 1 + 2


def test_the_table_holds_the_reports_figures(page):
    cells = row(page, "vgg_d", width=9)
    report = report_of("vgg_d")
    assert cells[1:6] == ["28.5 %", "3x224x224", "138 M", "15.5 G", "28.6 M"]
    assert cells[6] == f"{report.peak_memory_bytes / 1e6:.0f} MB"
    assert row(page, "zfnet", width=9)[1] == "\u2013"


def test_accuracy_charts_name_their_source(page):
    for key, value in (
        ("mult-adds", lambda r: r.mult_adds / 1e9),
        ("params", lambda r: r.params / 1e6),
        ("memory", lambda r: r.peak_memory_bytes / 1e6),
        ("access", lambda r: r.memory_access_bytes / 1e6),
    ):
        figure = page.figures[f"accuracy-{key}"]
        marks = {mark["name"]: mark for mark in figure["data"]}
        assert set(marks) == {"vgg_d", "googlenet", "mobilenet_v1"}
        mark = marks["mobilenet_v1"]
        assert mark["x"] == pytest.approx([value(report_of("mobilenet_v1"))], rel=1e-4)
        assert mark["y"] == [70.6]
        assert "29.4 % top-1 error, single crop" in mark["customdata"][0]
        assert "Howard2017, Tables 4 to 7" in mark["customdata"][0]
        low, high = figure["layout"]["xaxis"]["range"]
        assert all(low < log10(m["x"][0]) < high for m in marks.values())
    sizes = {m["name"]: m["marker"]["size"][0] for m in page.figures["accuracy-params"]["data"]}
    share = report_of("googlenet").params / report_of("vgg_d").params
    assert sizes["googlenet"] == pytest.approx(max(10, 34 * share**0.5), rel=1e-4)


def test_nets_without_a_figure_are_listed(page):
    other = "imagenet: 38.4 % top-1 error, 16.5 % top-5, 10-crop (Zeiler2014, Table 2)"
    assert row(page, "zfnet", width=2)[1] == other
    assert row(page, "squeezenet_1_1", width=2)[1] == "nothing that is known here"


def test_lines_through_depth(page):
    lines = {line["name"]: line for line in page.figures["depth-mult-adds"]["data"]}
    assert set(lines) == set(FIVE)
    vgg = lines["vgg_d"]
    assert vgg["x"] == pytest.approx([100 * k / 16 for k in range(17)], rel=1e-4)
    first = 224**2 * 64 * 27 / report_of("vgg_d").mult_adds
    assert vgg["y"][1] == pytest.approx(100 * first, rel=1e-4)
    params = page.figures["depth-params"]["data"][0]["y"]
    fully = (512 * 49 * 4096 + 4096) + (4096**2 + 4096) + (4096 * 1000 + 1000)
    assert params[13] == pytest.approx(100 * (1 - fully / report_of("vgg_d").params), rel=1e-4)
    for key in ("mult-adds", "params", "activations", "access"):
        for line in page.figures[f"depth-{key}"]["data"]:
            assert line["y"][0] == 0
            assert line["y"][-1] == 100
            assert line["y"] == sorted(line["y"])
            assert len(line["x"]) == len(line["y"]) == len(line["text"])


def test_the_way_down(page):
    """GoogLeNet's stem against VGG's first three stages, both from 224 to 28 pixels."""
    rows = [cells for cells in page.rows if len(cells) == 9 and cells[1].startswith("st")]
    found = {cells[0]: cells[1:] for cells in rows}
    assert found["googlenet"][:3] == ["stem.pool2", "3", "478 M"]
    assert found["vgg_d"][:3] == ["stages.conv3.pool", "7", "9.34 G"]
    bars = {bar["name"]: bar["x"] for bar in page.figures["stem"]["data"]}
    vgg = 224**2 * 64 * 9 * (3 + 64) + 112**2 * 128 * 9 * (64 + 128)
    vgg += 56**2 * 256 * 9 * (128 + 256 + 256)
    assert bars["mult-adds"][0] == pytest.approx(100 * vgg / report_of("vgg_d").mult_adds, rel=1e-4)


def test_types_sum_up(page):
    for key in ("mult-adds", "access"):
        bars = page.figures[f"types-{key}"]["data"]
        for net in range(len(FIVE)):
            assert sum(bar["x"][net] for bar in bars) == pytest.approx(100, abs=1e-3)
    kinds = {bar["name"]: bar["x"] for bar in page.figures["types-mult-adds"]["data"]}
    depthwise = 3.06  # percent of MobileNet's mult-adds: Table 2 of its paper
    assert kinds["depthwise"] == pytest.approx([0, 0, 0, 0, depthwise], abs=0.005)
    assert kinds["3x3"][0] + kinds["linear"][0] == pytest.approx(100, abs=1e-3)


def test_small_images_have_no_way_down(tmp_path):
    path = write_cost_comparison(compared("resnet20_cifar"), tmp_path / "cost.html")
    page = Page(path.read_text(encoding="utf-8"))
    assert "resnet20_cifar: 40.6 M mult-adds." in page.text
    assert "stem" not in page.figures
    assert not [key for key in page.figures if key.startswith("accuracy")]
    assert "cifar10+: 8.75 % top-1 error, test images (He2016, Table 6)" in page.text


def test_names_are_text(tmp_path):
    nets = [replace(compared("mobilenet_v1")[0], name=name) for name in sample.HOSTILE]
    path = write_cost_comparison(nets, tmp_path / "cost.html")
    page = Page(path.read_text(encoding="utf-8"))
    assert len(page.all("script")) == 3
    assert not [a for a in page.all("img") if "onerror" in a]
    assert "<script>alert(1)</script>" in page.text


def test_unknown_operations_are_named(tmp_path):
    report = replace(report_of("mobilenet_v1"), unknown=("head.fft (fft)",))
    path = write_cost_comparison([NetCost(name="mine", report=report)], tmp_path / "cost.html")
    page = Page(path.read_text(encoding="utf-8"))
    assert "Nothing is known of these operations of mine" in page.text
    assert "head.fft (fft)" in page.text


def test_nothing_to_compare(tmp_path):
    with pytest.raises(UserError, match=re.escape("There is no net to compare.")):
        write_cost_comparison([], tmp_path / "cost.html")

"""The file that is written: its structure, what it says, and what it lets through."""

import json
import math
import subprocess
import sys
from html.parser import HTMLParser
from typing import Any

import pytest

from convatlas.errors import UserError
from convatlas.reports import check_page, write_report
from convatlas.reports._chart import embedded
from tests.reports import sample

VOID = {"br", "img", "meta"}


class Page(HTMLParser):
    """Elements, text outside scripts and styles, and the figures."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.rows: list[list[str]] = []
        self.json = ""
        self.feed(text)
        self.close()
        assert self.open == []
        self.text = " ".join("".join(self.words).split())
        self.figures: dict[str, Any] = json.loads(self.json, parse_constant=pytest.fail)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        inside = self.open[-1] if self.open else ""
        if inside == "script" and self.elements[-1][1].get("id") == "figures":
            self.json += data
        elif inside not in ("script", "style"):
            self.words.append(data)
            if "td" in self.open or "th" in self.open:
                self.rows[-1][-1] += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def headings(self) -> list[str]:
        return [a["href"] or "" for a in self.all("a")]


def written(result, tmp_path, pictures=None):
    path = tmp_path / "report.html"
    assert write_report(result, path, pictures=pictures or {}) == path
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]
    return path.read_text(encoding="utf-8")


def page(result, tmp_path, pictures=None):
    return Page(written(result, tmp_path, pictures))


def test_headline_and_sections(tmp_path):
    result = sample.whole()
    winner = next(c for c in result["candidates"] if c["state"] == "chosen")
    result["test"]["top1_error"] = 6.9
    result["timing"] = {**result["timing"], "median_s": 4.1e-4}
    result["files"]["onnx_bytes"] = 212_000
    got = page(result, tmp_path, sample.pictures(result))
    name = f"{winner['variant']} x{winner['width_multiplier']:g} at {winner['input_side']}x"
    assert name in got.text
    said = "93.1 % on 10,000 test images never used in choosing, 0.41 ms, 212 kB."
    assert said in got.text
    order = ["candidates", "search", "test", "mistakes", "data", "use", "made"]
    assert got.headings == [f"#{key}" for key in order]
    assert [s["id"] for s in got.all("section")] == order
    assert set(got.figures) == {"candidates", "rounds", "loss", "validation", "confusion"}
    assert {a["data-figure"] for a in got.all("div") if a.get("class") == "chart"} == set(
        got.figures
    )


def test_budgets_say_what_was_asked_measured_and_kept(tmp_path):
    result = sample.whole()
    over = {"asked": 2e-3, "measured": 3e-3, "kept": False}
    result["budgets"][0].update(over)
    rows = page(result, tmp_path).rows
    assert ["Latency", "2 ms", "3.00 ms", "150 %", "not kept"] in rows
    assert ["Memory", "4 MB", "2.31 MB", "58 %", "kept"] in rows


def test_nothing_is_fetched(tmp_path):
    result = sample.whole(sample.HOSTILE)
    got = page(result, tmp_path, sample.pictures(result))
    for tag, attributes in got.elements:
        assert tag not in {"link", "iframe", "object", "embed", "base", "form"}
        assert (attributes.get("src") or "data:").startswith("data:")
        assert (attributes.get("href") or "#").startswith("#")
        assert not [a for a in attributes if a.startswith("on")]
    policies = [m["content"] or "" for m in got.all("meta") if "http-equiv" in m]
    assert policies[0].startswith("default-src 'none'; ")


def test_names_of_any_kind_are_only_text(tmp_path):
    result = sample.whole(sample.HOSTILE)
    result["title"], result["candidates"][0]["reason"] = sample.HOSTILE[7], sample.HOSTILE[1]
    result["commands"][0]["command"] = "convatlas predict '<b>.bundle' </script>"
    text = written(result, tmp_path, sample.pictures(result))
    got = Page(text)
    assert len(got.all("b")) == 3 + len(result["test"]["mistakes"]), "none comes from a name"
    assert len(got.all("script")) == 3
    assert len(got.all("title")) == 1
    assert "<script>alert(1)</script>" in got.text
    assert "\\x1b[31mred" in got.text
    assert "\\u202egnp.tac" in got.text
    assert "broken \\udcff name" in got.text
    assert "\u676f\u5b50\u548c\u6c34\u676f" in got.text
    assert "convatlas predict '<b>.bundle' </script>" in got.text
    assert not set(text) & {"\x1b", "\u202e"}


def test_charts_hear_no_markup_in_names(tmp_path):
    got = page(sample.whole(sample.HOSTILE), tmp_path)
    labels = got.figures["confusion"]["data"][0]["x"]
    assert len(set(labels)) == len(labels) == len(sample.HOSTILE)
    assert labels[0].startswith("&lt;script&gt;")
    assert not any("<" in label for label in labels)


def test_figures_cannot_end_the_script_they_stand_in():
    figures = {"a": {"text": "</script><!-- & \u2028"}}
    element = embedded(figures)
    inside = element[element.index(">") + 1 : element.rindex("<")]
    assert not set(inside) & set("<>&\u2028")
    assert json.loads(inside) == figures


def test_a_class_without_test_images_comes_last(tmp_path):
    result = sample.whole()
    result["test"]["per_class"][4].update(n=0, recall=None, precision=None)
    rows = [
        row for row in page(result, tmp_path).rows if row[0] in sample.CLOTHES and len(row) == 4
    ]
    assert rows[-1] == ["coat", "0", "\u2013", "\u2013"]


def test_long_names_that_begin_and_end_alike_stay_apart(tmp_path):
    classes = tuple(f"{'a' * 40}{i}{'b' * 40}" for i in range(5))
    trace = page(sample.whole(classes), tmp_path).figures["confusion"]["data"][0]
    assert len(set(trace["x"])) == 5


def test_nothing_fits(tmp_path):
    got = page(sample.nothing_fits(), tmp_path)
    assert "No net fits the budgets. 48 candidates looked at." in got.text
    assert "at most 0.02 ms" in got.text
    nearest = next(row for row in got.rows if len(row) == 3 and row[0] != "Net")
    assert nearest[0] == "shufflenet_v1_small x0.25 @28"
    assert nearest[2] == "67.2 kB 3.36x"
    assert "Nearest: shufflenet" in got.text
    assert got.headings == ["#candidates", "#data", "#made"]
    assert got.figures == {}


def test_lists_of_files_say_how_many_are_left_out(tmp_path):
    result = sample.whole()
    result["data"].update(unreadable_count=300, duplicates_count=2)
    text = page(result, tmp_path).text
    assert "300 unreadable files" in text
    assert "cannot identify image fileand 299 more" in text
    assert "2 groups of files with the same image" in text


def test_a_broken_budget_is_said_at_the_top(tmp_path):
    result = {**sample.whole(), "unmet": "lenet5 x1 @28 breaks a budget: latency: 3 ms > 2 ms."}
    text = page(result, tmp_path).text
    assert text.index("breaks a budget") < text.index("What was asked")


def test_a_result_with_next_to_nothing(tmp_path):
    got = page({"winner": None}, tmp_path)
    assert got.text.startswith("images: no net fits")
    assert got.headings == []


@pytest.mark.parametrize(("k", "drawn"), [(2, 2), (20, 20), (100, 100), (130, 100)])
def test_confusion_of_few_and_many_classes(k, drawn, tmp_path):
    result = sample.whole(tuple(f"class {i}" for i in range(k)))
    trace = page(result, tmp_path).figures["confusion"]["data"][0]
    assert len(trace["x"]) == len(trace["z"]) == drawn
    assert ("texttemplate" in trace) == (k <= 20)
    confusion = result["test"]["confusion"]
    if k == drawn:
        assert trace["customdata"] == confusion
        assert trace["z"][1][0] == pytest.approx(confusion[1][0] / sum(confusion[1]), rel=1e-5)


def test_figures_that_are_no_numbers(tmp_path):
    result = sample.whole()
    result["training"]["history"][8]["loss"] = math.nan
    result["training"]["validation"][2]["accuracy"] = math.inf
    result["test"]["loss"] = math.nan
    result["test"]["per_class"][3]["precision"] = math.nan
    result["candidates"][0]["scores"] = [
        {"round": 0, "images": 9, "seconds": 1.0, "accuracy": math.nan}
    ]
    text = written(result, tmp_path)
    got = Page(text)
    assert got.figures["validation"]["data"][0]["y"][2] is None
    row = next(r for r in got.rows if r[0] == "dress" and "%" in r[-2])
    assert row[-1] == "\u2013"
    visible = " ".join(got.words).split()
    assert "nan" not in visible
    assert "inf" not in visible


def test_mistakes_show_their_pictures(tmp_path):
    result = sample.whole()
    pictures = sample.pictures(result)
    absent = result["test"]["mistakes"][1]["index"]
    del pictures[absent]
    got = page(result, tmp_path, pictures)
    images = got.all("img")
    assert len(images) == len(result["test"]["mistakes"]) - 1
    assert all(i["class"] == "pixelated" and i["width"] == "28" for i in images)
    assert images[0]["alt"] == "Picture labelled T-shirt/top, taken for pullover"
    assert "no picture" in got.text
    assert "test/T-shirt/top/00005.png" in got.text


def test_large_pictures_are_smooth_and_the_file_stays_small(tmp_path):
    result = sample.whole()
    pictures = sample.pictures(result, side=224)
    padded = {index: picture + bytes(40_000) for index, picture in pictures.items()}
    text = written(result, tmp_path, padded)
    images = Page(text).all("img")
    assert 0 < len(images) < len(result["test"]["mistakes"])
    wrong = round(result["test"]["n"] * result["test"]["top1_error"] / 100)
    assert f"The {len(images)} of {wrong} wrong answers" in Page(text).text
    assert "class" not in images[0]
    assert len(text) < 6_000_000


def test_every_candidate_has_a_row_with_its_reason(tmp_path):
    result = sample.whole()
    rows = {row[0]: row for row in page(result, tmp_path).rows}
    for candidate in result["candidates"]:
        row = rows[candidate["id"]]
        assert row[1] == candidate["state"]
        assert row[-1] == candidate["reason"]


def test_scatter_holds_all_that_were_timed_and_trained(tmp_path):
    result = sample.whole()
    figure = page(result, tmp_path).figures["candidates"]
    marks = [t for t in figure["data"] if t["mode"] == "markers" and t["x"] != [None]]
    scored = [c for c in result["candidates"] if c["scores"]]
    assert sum(len(t["x"]) for t in marks) == len(scored)
    ring = figure["data"][-1]
    winner = next(c for c in scored if c["id"] == result["winner"])
    assert ring["x"] == [pytest.approx(1e3 * winner["latency"]["median_s"], rel=1e-5)]
    assert ring["y"] == [pytest.approx(winner["scores"][-1]["accuracy"], rel=1e-5)]
    assert figure["layout"]["shapes"][0]["x0"] == 1.2
    assert len(figure["data"][0]["x"]) == len(result["front"])


def test_figures_are_ones_that_plotly_knows(tmp_path):
    from plotly.graph_objects import Figure

    for figure in page(sample.whole(), tmp_path).figures.values():
        Figure(data=figure["data"], layout=figure["layout"])


def test_without_plotly_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "plotly.offline", None)
    for refused in (
        lambda page: write_report(sample.whole(), page, pictures={}),
        check_page,
    ):
        with pytest.raises(
            UserError, match=r"our\.html' needs .*pip install 'convatlas\[report\]'"
        ):
            refused(tmp_path / "our.html")
    assert list(tmp_path.iterdir()) == []


def test_a_page_is_refused_under_a_name_of_another_kind_of_file(tmp_path):
    check_page(tmp_path / "a.HTML")
    with pytest.raises(UserError, match=r"table\.csv' must have a name that ends in \.html"):
        check_page(tmp_path / "table.csv")
    assert list(tmp_path.iterdir()) == []


def test_pages_are_made_without_torch():
    code = "import convatlas.reports, sys; print('torch' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["False"]

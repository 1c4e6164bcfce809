"""What is generated from the zoo is of the zoo as it stands: the listing and the page."""

import json
import re
import sys
from pathlib import Path

import pytest

from convatlas.cli.models import CATALOGUE
from convatlas.models import families, family_of, find, spec_of

LISTED = json.loads(CATALOGUE.read_text())
PAGE = (Path(__file__).parents[2] / "docs" / "zoo.md").read_text()
ROWS = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", PAGE, re.MULTILINE))


def test_every_variant_is_listed():
    assert list(LISTED["variants"]) == find(), "run `make counts`"
    assert list(LISTED["families"]) == list(families()), "run `make counts`"


@pytest.mark.parametrize("name", sorted(LISTED["variants"]))
def test_a_listed_variant_is_what_its_spec_says(name):
    entry, spec, paper = LISTED["variants"][name], spec_of(name), family_of(name).paper
    assert entry["family"] == family_of(name).name
    assert entry["input"] == [spec.in_channels, spec.input_side, spec.input_side]
    assert entry["num_classes"] == spec.num_classes
    assert LISTED["families"][entry["family"]] == {
        "title": family_of(name).title,
        "key": paper.key,
        "paper": f"{paper.title}, {paper.venue}",
        "link": paper.link,
    }


def test_the_page_has_a_row_for_every_variant():
    assert list(ROWS) == [name for family in families().values() for name in family.variants], (
        "run `make docs`"
    )
    for name, entry in LISTED["variants"].items():
        shape = "x".join(map(str, entry["input"]))
        start = f"{entry['params']:,} | {entry['mult_adds']:,} | {shape} | "
        assert ROWS[name].startswith(start), "run `make docs`"


@pytest.mark.parametrize("family", list(families()))
def test_every_family_says_what_departs_and_what_is_common(family):
    text = sys.modules[f"convatlas.models.{family}"].__doc__
    section = PAGE.partition(f"## {families()[family].title}\n")[2].partition("\n## ")[0]
    assert families()[family].paper.title in section, "run `make docs`"
    for label in ("Departs from the paper:", "Common elsewhere:"):
        assert f"\n{label}" in text, f"the docstring of {family}.py has no paragraph {label!r}"
        assert f"\n{label}" in section, "run `make docs`"

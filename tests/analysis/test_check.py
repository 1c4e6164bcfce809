"""Printed figures recomputed, and the verdict on each."""

import pytest

from convatlas import models
from convatlas.analysis import check_facts
from convatlas.errors import UnknownName
from convatlas.facts import Fact, Paper
from convatlas.models import _family, _zoo


def test_every_figure_of_small_families_passes():
    checked = check_facts("lenet*")
    assert {c.fact.quantity for c in checked} >= {"params", "connections"}
    assert all(c.passed for c in checked)


def test_lenet5_connections():
    found = {c.fact.part: c for c in check_facts("lenet5") if c.fact.quantity == "connections"}
    assert found[""].measured == 340_908
    assert found[""].verdict == "exact"
    assert found["stem"].measured == 28 * 28 * 6 * 26


def test_pattern_by_variant_and_by_family():
    assert {c.fact.variant for c in check_facts("resnet50")} == {"resnet50"}
    whole = check_facts("squeezenet")
    assert len({c.fact.variant for c in whole}) > 1


def test_unknown_pattern():
    with pytest.raises(UnknownName, match="No variant or family named 'lenet9'"):
        check_facts("lenet9")


PAPER = Paper("Nobody2000", "A title", "A venue", "a link")


@pytest.fixture
def figures(monkeypatch):
    """A zoo with lenet5 alone, and the given figures."""
    lenet = models.families()["lenet"]

    def replace(*facts: Fact) -> None:
        family = _family.Family(
            name="lenet",
            title="LeNet",
            paper=PAPER,
            build=lenet.build,
            variants={"lenet5": lenet.variants["lenet5"]},
            facts=facts,
        )
        monkeypatch.setattr(_zoo, "families", lambda: {"lenet": family})
        monkeypatch.setattr(models, "families", lambda: {"lenet": family})

    return replace


@pytest.mark.parametrize(
    ("printed", "because", "verdict", "passed"),
    [
        ("60000", "", "exact", True),
        ("6.1e4", "", "differs", False),
        ("6.1e4", "a slip of the pen", "differs", True),
        ("0.06e6", "", "exact", True),
    ],
)
def test_verdicts(figures, printed, because, verdict, passed):
    figures(Fact("lenet5", "params", printed, PAPER, "Table 9", because=because))
    (checked,) = check_facts("lenet5")
    assert (checked.measured, checked.verdict, checked.passed) == (60_000, verdict, passed)


@pytest.mark.parametrize(
    ("quantity", "part", "measured"),
    [
        ("size_bytes", "", 240_000),
        ("mult_adds", "stages.c3", 10**2 * 60 * 25),
        ("layers", "", 7),  # "LeNet-5 comprises seven layers, not counting the input"
        ("layers", "classifier", 2),
        ("connections", "stages.s2", 14 * 14 * 6 * 5),
    ],
)
def test_quantities(figures, quantity, part, measured):
    figures(Fact("lenet5", quantity, "1", PAPER, "Table 9", because="a test", part=part))
    assert check_facts("*")[0].measured == measured


def test_labels(figures):
    figures(
        Fact("lenet5", "params", "156", PAPER, "Table 9", part="stem"),
        Fact("lenet5", "params", "60000", PAPER, "Table 9", input_side=32),
    )
    assert [c.label for c in check_facts()] == ["params of stem", "params @32"]


def test_depth_is_of_the_longest_path():
    from convatlas.analysis._check import _layers, _traced

    # 53 convolutions and the classifier; four of them are projections beside a unit
    net, graph = _traced("resnet50", 224)
    assert _layers(net, graph, "") == 50
    net, graph = _traced("densenet121", 224)
    assert _layers(net, graph, "") == 121

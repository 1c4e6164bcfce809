"""Printed figures recomputed, and the verdict on each."""

import pytest

from convatlas import models
from convatlas.analysis import _check, check_facts, check_slips
from convatlas.analysis._measure import Measured
from convatlas.errors import UnknownName, UserError
from convatlas.facts import Count, Fact, Paper, Slip
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


SIZES = (32**2, 2 * 6 * 28**2, 2 * 6 * 14**2, 2 * 16 * 10**2, 2 * 16 * 5**2, 2 * 120, 2 * 84, 10)
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
        monkeypatch.setattr(_check, "table_facts", lambda: ())

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
        ("channels", "stages.c3", 16),
        ("side", "stages.c3", 10),
        ("channels", "classifier.f6", 84),
        # the image, C1, S2, C3, S4, C5, F6 and the output; S2 and S4 squash in a layer of their own
        ("activation_bytes", "", 4 * sum(SIZES)),
    ],
)
def test_quantities(figures, quantity, part, measured):
    figures(Fact("lenet5", quantity, "1", PAPER, "Table 9", because="a test", part=part))
    assert check_facts("*")[0].measured == measured


def test_labels(figures):
    figures(
        Fact("lenet5", "params", "156", PAPER, "Table 9", part="stem"),
        Fact("lenet5", "params", "60000", PAPER, "Table 9", input_side=32),
        Fact("lenet5", "size_bytes", "234", PAPER, "Table 9", unit=2**10),
    )
    checked = check_facts()
    assert [c.label for c in checked] == ["params of stem", "params @32", "size_bytes"]
    assert [c.printed for c in checked] == ["156", "60000", "234 x 2^10"]
    assert {c.source for c in checked} == {"Nobody2000, Table 9"}


@pytest.mark.parametrize(
    ("printed", "because", "outcome"),
    [
        ("60000", "", "exact"),
        ("6e4", "", "exact"),
        ("6.1e4", "", "unexplained"),
        ("6.1e4", "a slip of the pen", "explained"),
    ],
)
def test_outcomes(figures, printed, because, outcome):
    figures(Fact("lenet5", "params", printed, PAPER, "Table 9", because=because))
    (checked,) = check_facts()
    assert checked.outcome == checked.as_dict()["outcome"] == outcome
    assert checked.passed == (outcome != "unexplained")


def test_a_figure_without_a_known_cause_stays_open(figures):
    tried = Fact("lenet5", "params", "6.1e4", PAPER, "Table 9", because="tried this", open=True)
    figures(tried)
    (checked,) = check_facts()
    assert (checked.outcome, checked.passed) == ("open", True)


def test_a_part_that_is_not_there(figures):
    figures(Fact("lenet5", "params", "1", PAPER, "Table 9", part="stages.c9"))
    with pytest.raises(UserError, match=r"'lenet5' has no part 'stages.c9'"):
        check_facts()


def test_what_puts_out_a_vector_has_no_side(figures):
    figures(Fact("lenet5", "side", "1", PAPER, "Table 9", part="classifier.f6"))
    with pytest.raises(UserError, match=r"'classifier.f6' puts out has no side: its shape is"):
        check_facts()


def test_tables_of_other_papers_follow_the_familys_own_figures(figures, monkeypatch):
    figures(Fact("lenet5", "params", "60000", PAPER, "Table 1"))
    tables = (
        Fact("lenet5", "params", "6e4", PAPER, "Table 9"),
        Fact("nosuch", "params", "6e4", PAPER, "Table 9"),
    )
    monkeypatch.setattr(_check, "table_facts", lambda: tables)
    assert [c.fact.where for c in check_facts("lenet")] == ["Table 1", "Table 9"]


def test_every_net_is_built_once(monkeypatch):
    built = []

    def counting(variant, side=None):
        built.append((variant, side))
        return Measured(variant, side)

    monkeypatch.setattr(_check, "Measured", counting)
    checked = check_facts("mobilenet_v1*")
    assert len(checked) > len(built)
    assert len(built) == len(set(built))


def test_slips_are_counted_where_a_net_tells():
    counted, told = check_slips(
        (
            Slip("Sec. 1", "LeNet-5, params", "61000", Count("lenet5", "params"), "a test"),
            Slip("Sec. 2", "a formula", "a + a", "2 a", "a test"),
        )
    )
    assert (counted.right, told.right) == ("60,000", "2 a")
    assert counted.as_dict()["printed"] == "61000"


def test_depth_is_of_the_longest_path():
    # 53 convolutions and the classifier; four of them are projections beside a unit
    assert Measured("resnet50").figure("layers") == 50
    assert Measured("densenet121").figure("layers") == 121

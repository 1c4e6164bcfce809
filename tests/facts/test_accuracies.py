"""Published errors against what was read in the papers and in their authors' repositories.

`printed_errors.csv` was extracted by machine from the readings of the papers, apart from the tables
of the package: the papers' own names of the nets, percent, accuracies turned into errors. Readings
from memory are not in it.
"""

import csv
from collections import Counter
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest

from convatlas import models
from convatlas.facts import papers
from convatlas.facts.accuracies import Published, all_published, headline, published

REPOSITORIES = {"fb.resnet.torch"}  # prints figures and is no Paper of the zoo
DATA = {
    "imagenet": "ImageNet-1k val",
    "cifar10": "CIFAR-10",
    "cifar100": "CIFAR-100",
    "svhn": "SVHN",
    "tiny imagenet": "Tiny ImageNet",
    "mnist": "MNIST",
}
Key = tuple[str, Decimal | None, Decimal | None, str]


def number(text: str | None) -> Decimal | None:
    return Decimal(text) if text else None


@cache
def printed() -> dict[Key, str]:
    """The net's printed name by paper, errors and data."""
    with (Path(__file__).parent / "printed_errors.csv").open(encoding="ascii") as file:
        return {
            (
                row["paper"],
                number(row["top1_error"]),
                number(row["top5_error"]),
                row["data"].rstrip("+"),
            ): row["net"]
            for row in csv.DictReader(file)
        }


def key(row: Published) -> Key:
    return row.paper, number(row.top1_error), number(row.top5_error), DATA[row.data.rstrip("+")]


def test_every_figure_was_read_there():
    assert [row for row in all_published() if key(row) not in printed()] == []


def test_every_reading_is_used():
    assert set(printed()) == {key(row) for row in all_published()}


def test_every_variant_exists_and_every_paper_is_known():
    assert {row.variant for row in all_published()} <= set(models.variants())
    known = {p.key for p in vars(papers).values() if isinstance(p, papers.Paper)}
    known |= {fact.paper.key for family in models.families().values() for fact in family.facts}
    known |= {family.paper.key for family in models.families().values()}
    assert {row.paper for row in all_published()} <= known | REPOSITORIES


def test_no_figure_stands_twice():
    counts = Counter(
        (r.variant, r.data, r.protocol, r.paper, r.where, r.side) for r in all_published()
    )
    assert [what for what, n in counts.items() if n > 1] == []


def test_digits_are_percent_and_in_order():
    for row in all_published():
        errors = [Decimal(e) for e in (row.top1_error, row.top5_error) if e is not None]
        assert errors
        assert all(0 < e < 100 for e in errors)
        if len(errors) == 2:
            assert errors[0] > errors[1]


def test_the_crop_is_the_nets_own_unless_said():
    for row in all_published():
        asked = f"{row.side} pixels" if row.side else ""
        assert asked in row.protocol
        assert (row.side is None) == ("pixels" not in row.protocol)
        assert row.side != models.spec_of(row.variant).input_side


@pytest.mark.parametrize(
    ("variant", "top1", "source"),
    [
        ("alexnet", "42.78", "Han2016, Table 1, reference"),  # its own paper: 10 crops
        ("vgg_d", "28.5", "Huang2018, Table 6"),  # its own paper: dense
        ("googlenet", "29.0", "Szegedy2016, Table 3"),  # its own paper: top-5 only
        ("resnet50", "24.7", "He2016, README of the released models"),
        ("resnet50_v15", "24.01", "fb.resnet.torch, README"),
        ("mobilenet_v1", "29.4", "Howard2017, Tables 4 to 7"),
        ("shufflenet_v1_g3_x1_0", "32.6", "Zhang2018, Table 2"),
        ("efficientnet_b0", "22.9", "Tan2019, Table 2"),
    ],
)
def test_headline(variant, top1, source):
    found = headline(variant)
    assert found is not None
    assert (found.top1_error, found.source) == (top1, source)
    assert found.single_crop
    assert found in published(variant)


@pytest.mark.parametrize(
    "variant",
    [
        "zfnet",  # 10-crop
        "preresnet200",  # one crop, of 320 pixels
        "resnet20_cifar",
        "darknet19",  # crops not stated, or of 256 pixels
        "lenet5",  # not read in a paper
    ],
)
def test_no_headline(variant):
    assert headline(variant) is None


def test_protocols_tell_crops_apart():
    by_crops = Counter(row.single_crop for row in published("resnet50"))
    assert by_crops == {True: 3, False: 2}
    assert {row.protocol for row in published("resnet50") if not row.single_crop} == {
        "10-crop",
        "multi-scale, dense",
    }
    assert published("no_such_net") == ()

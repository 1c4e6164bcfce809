"""Test images that stand in the training set, or as good as."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from convatlas.reports import _units as units
from convatlas.reports._html import Html, element, join, name
from convatlas.reports._quality import drawn

if TYPE_CHECKING:  # a page is also made where torch is not needed
    from convatlas.evaluation import Evaluation, NearDuplicate, NearDuplicates

SHOWN = 24  # pairs, the most alike


def section(
    found: "NearDuplicates",
    whole: "Evaluation",
    without: tuple[int, float] | None,
    pictures: Mapping[str, bytes],
) -> Html:
    """How many there are, what the error is without them, and the most alike."""
    if not found.pairs:
        none = f"None of {found.tested:,} test images is like one of {found.against:,} to train on."
        return element("p", none)
    n = len(found.pairs)
    text = (
        f"{units.counted(n, 'test image')} of {found.tested:,} "
        f"{'is' if n == 1 else 'are'} nearly equal to one of {found.against:,} training images "
        f"(correlation of detail at least {found.threshold:g}, mirrored or not). By the labels, "
        f"about {found.estimated_false:.0f} of these pairs are alike by chance."
    )
    if without is not None:
        images, error = without
        text += (
            f" On the {images:,} other images the error is {units.percent(error, 2)} instead of "
            f"{units.percent(whole.top1_error, 2)}."
        )
    shown = [_pair(pair, pictures) for pair in found.pairs[:SHOWN]]
    return join([element("p", text), element("div", *shown, class_="pairs")])


def _pair(pair: "NearDuplicate", pictures: Mapping[str, bytes]) -> Html:
    alike = f"{pair.likeness:.3f}{', mirrored' if pair.mirrored else ''}"
    classes: list[str] = [name(pair.test_class, 40)]
    if pair.test_class != pair.train_class:
        classes += [", in training ", name(pair.train_class, 40)]
    return element(
        "figure",
        element(
            "div",
            drawn(pictures.get(pair.test), "The test image"),
            drawn(pictures.get(pair.train), "The training image"),
        ),
        element(
            "figcaption",
            element("span", *classes, class_="said"),
            element("span", alike),
            element("span", name(pair.test, 60), class_="file"),
            element("span", name(pair.train, 60), class_="file"),
        ),
    )

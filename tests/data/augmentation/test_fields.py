"""The description of an augmentation: what it refuses, and its way through JSON."""

import json
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convatlas.data import IMAGENET_COLOURS, Augmentation
from convatlas.errors import UnknownName, UserError

EVERYTHING = Augmentation(
    flip=True, shift=0.1, rotate=10, scale=0.2, erase=0.25, flip_rule="random",
    crop_area=(0.08, 1), crop_aspect=(0.5, 2.0), interpolation="bicubic", pca_colour=0.1,
    pca_basis=((0.1, 0, 0), (0, 0.1, 0), (0, 0, 0.1)), brightness=0.4, contrast=0.4,
    saturation=0.4, hue=0.1, cutout=0.5, fill=(1, 2, 3), rand_augment=(2, 9),
    scaled_decoding=True,
)  # fmt: skip


@pytest.mark.parametrize(
    "augmentation",
    [EVERYTHING, Augmentation(), Augmentation(short_side=(1, 2.5), trivial_augment=True)],
)
def test_round_trip_through_json(augmentation):
    text = json.dumps(augmentation.as_dict())
    assert Augmentation.from_dict(json.loads(text)) == augmentation
    hash(Augmentation.from_dict(json.loads(text)))  # lists would not do


def test_the_round_trip_covers_every_field():
    left = {"short_side", "trivial_augment"}  # exclude others, and have a round trip of their own
    for part in fields(Augmentation):
        assert (getattr(EVERYTHING, part.name) != part.default) != (part.name in left), part.name


def test_what_older_files_hold_is_written_and_read_as_before():
    """Bundles and run folders of the first versions hold exactly these five."""
    old = {"flip": True, "shift": 0.125, "rotate": 0.0, "scale": 0.0, "erase": 0.0}
    assert Augmentation(flip=True, shift=0.125).as_dict() == old
    assert Augmentation.from_dict(old) == Augmentation(flip=True, shift=0.125)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"flip": 1}, r"flip=1; it must be true or false\."),
        ({"trivial_augment": None}, "trivial_augment=None; it must be true or false"),
        ({"shift": True}, r"shift=True; it must be in \[0, 0\.5\]"),
        ({"shift": "0.1"}, r"shift='0\.1'; it must be in \[0, 0\.5\]"),
        ({"hue": 0.6}, r"hue=0\.6; it must be in \[0, 0\.5\]"),
        ({"brightness": float("inf")}, r"brightness=inf; it must be in \[0, 10\.0\]"),
        ({"flip_rule": "always"}, "flip_rule='always'; it must be 'alternating' or 'random'"),
        ({"interpolation": ["bilinear"]}, "it must be 'bilinear' or 'bicubic'"),
        ({"crop_area": (0.5, 0.2)}, r"crop_area=\(0\.5, 0\.2\); it must be two numbers in "),
        ({"crop_area": (0.0, 1.0)}, r"two numbers in \[0\.001, 1\.0\], the smaller one first"),
        ({"crop_area": [0.1, 1.0]}, r"crop_area=\[0\.1, 1\.0\]"),
        ({"crop_aspect": None}, "crop_aspect=None; it must be two numbers"),
        ({"short_side": (0.9, 1.1)}, r"short_side=\(0\.9, 1\.1\); .* \[1\.0, 8\.0\]"),
        ({"short_side": (1.0, float("nan"))}, "short_side="),
        ({"crop_area": (0.1, 1), "short_side": (1, 2)}, "both say how crops are cut. Give one"),
        ({"pca_basis": ((1, 2, 3),)}, "three rows of three numbers"),
        ({"fill": (1, 2)}, r"fill=\(1, 2\); it must be one whole number in \[0, 255\], or three"),
        ({"fill": (256,)}, r"fill=\(256,\)"),
        ({"fill": 128}, "fill=128"),
        ({"rand_augment": (0, 9)}, r"rand_augment=\(0, 9\); it must be \(n, m\): a whole number"),
        ({"rand_augment": (2, 31)}, r"a number in \[0, 30\]"),
        ({"rand_augment": (2.0, 9)}, r"rand_augment=\(2\.0, 9\)"),
        ({"rand_augment": (2, 9), "trivial_augment": True}, "each chooses operations. Give one"),
    ],
)
def test_what_cannot_be_is_refused(changes, message):
    with pytest.raises(UserError, match=message):
        Augmentation(**changes)


def test_an_unknown_field_is_answered_with_the_nearest():
    with pytest.raises(UnknownName, match=r"'cut_out'. Nearest: cutout"):
        Augmentation.from_dict({"cut_out": 0.5})
    with pytest.raises(UserError, match=r"\[1\] is not an augmentation"):
        Augmentation.from_dict([1])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from([part.name for part in fields(Augmentation)]), JSON))
def test_hostile_values_are_refused_in_words(values):
    try:
        made = Augmentation.from_dict(values)
    except UserError:
        return
    assert Augmentation.from_dict(json.loads(json.dumps(made.as_dict()))) == made


def test_published_basis():
    """As printed by fb.resnet.torch: eigenvalues 0.2175, 0.0188, 0.0045; the first eigenvector."""
    assert IMAGENET_COLOURS[0] == pytest.approx((-0.12343, -0.12632, -0.12693), abs=5e-6)
    lengths = [sum(value**2 for value in row) ** 0.5 for row in IMAGENET_COLOURS]
    assert lengths == pytest.approx([0.2175, 0.0188, 0.0045], rel=1e-3)

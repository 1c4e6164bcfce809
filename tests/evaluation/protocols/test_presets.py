"""Ways to prepare pixels, by name: the papers' numbers."""

import numpy as np
import pytest

from convatlas.data import Preprocessing, normalise
from convatlas.errors import UserError
from convatlas.evaluation import PRESETS, preset
from convatlas.evaluation._presets import described

OWN = Preprocessing(side=1, channels=3, mean=(0.1, 0.2, 0.3), std=(0.4, 0.5, 0.6))
GREY = Preprocessing(side=1, channels=1, mean=(0.25,), std=(0.5,))
PIXEL = np.array([[[[255, 100, 0]]]], np.uint8)


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("own", [(1 - 0.1) / 0.4, (100 / 255 - 0.2) / 0.5, -0.3 / 0.6]),
        ("imagenet", [(1 - 0.485) / 0.229, (100 / 255 - 0.456) / 0.224, -0.406 / 0.225]),
        ("mean_only", [255 - 25.5, 100 - 51, -76.5]),
        ("caffe", [0 - 103.939, 100 - 116.779, 255 - 123.68]),
        ("minus_one_to_one", [1, 100 / 127.5 - 1, -1]),
        ("zero_to_one", [1, 100 / 255, 0]),
    ],
)
def test_numbers_that_the_net_sees(name, numbers):
    chosen = preset(name, OWN)
    assert normalise(PIXEL, chosen).flatten().tolist() == pytest.approx(numbers, abs=1e-4)
    assert (chosen.side, chosen.interpolation) == (OWN.side, OWN.interpolation)


def test_all_are_tested_and_told():
    assert list(PRESETS) == [
        "own", "imagenet", "mean_only", "caffe", "minus_one_to_one", "zero_to_one",
    ]  # fmt: skip
    assert len({described(preset(name, OWN)) for name in PRESETS}) == len(PRESETS)
    assert described(GREY) == "grey pixels, mean 0.25, std 0.5"
    assert described(preset("mean_only", GREY)) == "grey pixels 0..255, mean 63.75"


def test_refusals():
    with pytest.raises(UserError, match=r"No preprocessing named 'cafe'. Nearest: caffe"):
        preset("cafe", OWN)
    with pytest.raises(UserError, match="'imagenet' has a mean for each of three colours"):
        preset("imagenet", GREY)

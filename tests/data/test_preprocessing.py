"""Preprocessing as data, and what it does to the bytes."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from convatlas.data import Preprocessing, normalise
from convatlas.errors import UserError

PHOTO = Preprocessing(
    side=224, channels=3, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225), crop_share=0.875
)


def test_stored_side():
    assert PHOTO.stored_side == 256
    assert Preprocessing(side=28, channels=1, mean=(0.0,), std=(1.0,)).stored_side == 28


def test_round_trip():
    assert Preprocessing.from_dict(json.loads(json.dumps(PHOTO.as_dict()))) == PHOTO


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"side": 0}, "side=0; it must be a whole number"),
        ({"side": 28.0}, "side=28.0"),
        ({"side": True}, "side=True"),
        ({"side": 10**9}, "side=1000000000"),
        ({"channels": 2}, "channels=2; it must be 1 or 3"),
        ({"channels": [1]}, r"channels=\[1\]"),
        ({"crop_share": 0}, "crop_share=0"),
        ({"crop_share": 1e-9}, "side=224"),
        ({"crop_share": "1"}, "crop_share='1'"),
        ({"mean": [0.5]}, r"mean=\(0.5,\); it must be 3 finite numbers"),
        ({"mean": [0.5, 0.5, float("nan")]}, "mean="),
        ({"mean": None}, "mean=None; it must be a list"),
        ({"mean": "abc"}, "mean='abc'; it must be a list"),
        ({"std": [1, 1, 0]}, "std=.* it must be above 0"),
        ({"std": [1, 1, "1"]}, "std="),
        ({"extra": 1}, "has the fields .*'extra'"),
    ],
)
def test_damaged_values_are_refused(change, message):
    with pytest.raises(UserError, match=message):
        Preprocessing.from_dict({**PHOTO.as_dict(), **change})


def test_missing_field_is_refused():
    values = PHOTO.as_dict()
    del values["std"]
    with pytest.raises(UserError, match=r"it needs .*'std'"):
        Preprocessing.from_dict(values)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("side", [1, 28, 300])
def test_normalise(channels, side):
    rng = np.random.default_rng(0)
    batch = rng.integers(0, 256, (5, side, side, channels), dtype=np.uint8)
    mean, std = (0.4, 0.5, 0.6)[:channels], (0.2, 0.25, 0.3)[:channels]
    preprocessing = Preprocessing(side=side, channels=channels, mean=mean, std=std)
    result = normalise(batch, preprocessing)
    exact = (batch.astype(np.float64) / 255 - mean) / std
    assert result.dtype == torch.float32
    assert result.shape == (5, channels, side, side)
    assert result.is_contiguous(memory_format=torch.channels_last)
    assert abs(result.permute(0, 2, 3, 1).numpy() - exact).max() < 2e-6
    for i in range(5):
        assert torch.equal(normalise(batch[i : i + 1], preprocessing)[0], result[i])


def test_normalise_takes_views():
    batch = np.arange(2 * 6 * 6 * 3, dtype=np.uint8).reshape(2, 6, 6, 3)
    preprocessing = Preprocessing(side=4, channels=3, mean=(0.5,) * 3, std=(0.5,) * 3)
    part = batch[:, 1:5, 1:5]
    assert torch.equal(normalise(part, preprocessing), normalise(part.copy(), preprocessing))


def test_unusual_fields_travel_and_usual_ones_are_left_out():
    assert set(PHOTO.as_dict()) == {"side", "channels", "mean", "std", "crop_share"}
    odd = replace(PHOTO, interpolation="bicubic", channel_order="bgr")
    assert Preprocessing.from_dict(json.loads(json.dumps(odd.as_dict()))) == odd
    for change in ({"interpolation": "nearest"}, {"channel_order": "gbr"}, {"interpolation": []}):
        with pytest.raises(UserError, match=f"{next(iter(change))}=.*; it must be"):
            Preprocessing.from_dict({**PHOTO.as_dict(), **change})
    with pytest.raises(UserError, match="'bgr' with 3 channels"):
        Preprocessing(side=1, channels=1, mean=(0.0,), std=(1.0,), channel_order="bgr")


def test_blue_first():
    """Mean and std are in the net's order; the pixels are turned round."""
    batch = np.random.default_rng(0).integers(0, 256, (4, 5, 5, 3), dtype=np.uint8)
    plain = Preprocessing(side=5, channels=3, mean=(0.4, 0.5, 0.6), std=(0.2, 0.25, 0.3))
    bgr = normalise(batch, replace(plain, channel_order="bgr"))
    assert torch.equal(bgr, normalise(np.ascontiguousarray(batch[..., ::-1]), plain))
    assert bgr.is_contiguous(memory_format=torch.channels_last)

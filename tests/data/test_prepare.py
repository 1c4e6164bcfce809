"""Images decoded once: the right pixels, whole files only, memory and disk within bounds."""

import shutil
from collections import namedtuple

import numpy as np
import pytest

from convatlas.data import Preprocessing, _prepare, channel_statistics, open_dataset, prepare
from convatlas.data._decoded import DecodedPixels
from convatlas.data._fit import fit
from convatlas.data._pixels import StoredPixels
from convatlas.errors import UserError
from tests.data.images import noise, write_folder

SMALL = Preprocessing(side=6, channels=3, mean=(0,) * 3, std=(1,) * 3)


@pytest.fixture
def train(tmp_path):
    return open_dataset(str(write_folder(tmp_path / "x", {"a": 80, "b": 80}))).train


def all_of(pixels):
    return pixels.batch(np.arange(len(pixels)))


def one_by_one(split, side, channels):
    return np.stack([fit(split.source.picture(i), side, channels) for i in range(len(split))])


@pytest.mark.parametrize("threads", [1, 4])
def test_pixels_labels_and_names(train, tmp_path, threads):
    heard = []
    pixels = prepare(
        train, SMALL, cache=tmp_path / "c", threads=threads, progress=lambda *e: heard.append(e)
    )
    assert len(pixels) == len(train) == 112
    assert np.array_equal(all_of(pixels), one_by_one(train, 6, 3))
    assert np.array_equal(pixels.labels, train.labels)
    assert pixels.names == train.names
    picked = np.array([5, 0, 5, 111])
    batch = pixels.batch(picked)
    assert np.array_equal(batch, all_of(pixels)[picked])
    batch[:] = 0  # a copy: the stored images stay as they are
    assert pixels.batch(picked).any()
    assert heard == [("decoding train images", 64, 112), ("decoding train images", 112, 112)]


def test_made_once_and_shared_by_equal_needs(train, tmp_path, monkeypatch):
    cache = tmp_path / "c"
    first = all_of(prepare(train, SMALL, cache=cache))
    monkeypatch.setattr(_prepare, "_store", None)  # storing again would fail
    other_mean = Preprocessing(side=6, channels=3, mean=(0.5,) * 3, std=(0.1,) * 3)
    assert np.array_equal(all_of(prepare(train, other_mean, cache=cache)), first)
    with pytest.raises(TypeError):
        prepare(train, Preprocessing(side=5, channels=3, mean=(0,) * 3, std=(1,) * 3), cache=cache)
    assert [path.name for path in cache.iterdir()] == [f"train-{train.fingerprint}-6x3.npy"]


def test_damaged_file_is_made_again(train, tmp_path):
    cache = tmp_path / "c"
    right = all_of(prepare(train, SMALL, cache=cache))
    (path,) = cache.iterdir()
    whole = path.read_bytes()
    for damage in (b"", whole[:100], whole[:-1], whole + b"x", b"PK" + whole[2:], whole[1:],
                   whole.replace(b"|u1", b"|i1"), whole.replace(b"112", b"111"),
                   whole.replace(b"False", b"True ")):  # fmt: skip
        path.write_bytes(damage)
        assert np.array_equal(all_of(prepare(train, SMALL, cache=cache)), right)
        assert path.read_bytes() == whole


def test_interrupted_decoding_leaves_nothing(train, tmp_path):
    root = tmp_path / "x"
    (root / train.names[100]).write_text("changed")
    with pytest.raises(UserError, match="was readable before and now is not"):
        prepare(train, SMALL, cache=tmp_path / "c")
    assert list((tmp_path / "c").iterdir()) == []


def test_grey_images_stay_one_channel(tmp_path):
    split = open_dataset(str(write_folder(tmp_path / "g", {"a": 5, "b": 5}, channels=1))).train
    grey = Preprocessing(side=4, channels=1, mean=(0.0,), std=(1.0,))
    pixels = prepare(split, grey, cache=tmp_path / "c")
    assert np.array_equal(all_of(pixels), one_by_one(split, 4, 1))
    assert all_of(pixels).shape == (6 if len(split) == 6 else 8, 4, 4, 1)


def test_stored_side_is_larger_than_the_crop(train, tmp_path):
    photo = Preprocessing(side=7, channels=3, mean=(0,) * 3, std=(1,) * 3, crop_share=0.875)
    assert all_of(prepare(train, photo, cache=tmp_path / "c")).shape[1:] == (8, 8, 3)


def test_beyond_the_limit_images_are_decoded_when_asked_for(train, tmp_path, monkeypatch):
    stored = prepare(train, SMALL, cache=tmp_path / "c")
    monkeypatch.setattr(_prepare, "MAX_STORED_BYTES", 112 * 6 * 6 * 3 - 1)
    decoded = prepare(train, SMALL, cache=tmp_path / "d")
    assert isinstance(stored, StoredPixels)
    assert isinstance(decoded, DecodedPixels)
    assert np.array_equal(all_of(decoded), all_of(stored))
    assert channel_statistics(decoded) == channel_statistics(stored)
    assert not (tmp_path / "d").exists()


def test_short_disk_is_said_before_starting(train, tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")(10**9, 10**9, 1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(
        UserError, match=r"12,096 bytes are needed for decoded images in '.*', and .* but 1,0"
    ):
        prepare(train, SMALL, cache=tmp_path / "c")


def test_statistics_are_exact(train, tmp_path):
    pixels = prepare(train, SMALL, cache=tmp_path / "c")
    mean, std = channel_statistics(pixels)
    values = all_of(pixels).astype(np.float64) / 255
    assert mean == pytest.approx(values.mean((0, 1, 2)), abs=1e-12)
    assert std == pytest.approx(values.std((0, 1, 2)), abs=1e-12)


def test_statistics_of_many_images_come_from_10000_at_equal_distances():
    n = 25_000
    images = (np.arange(n) % 256).astype(np.uint8).reshape(n, 1, 1, 1)
    pixels = StoredPixels(labels=np.zeros(n, np.int64), names=[""] * n, images=images)
    chosen = images[np.arange(10_000) * n // 10_000].astype(float) / 255
    mean, std = channel_statistics(pixels)
    assert (mean[0], std[0]) == pytest.approx((chosen.mean(), chosen.std()), abs=1e-12)


def test_statistics_of_one_colour_can_be_divided_by():
    images = np.full((3, 4, 4, 1), 9, np.uint8)
    pixels = StoredPixels(labels=np.zeros(3, np.int64), names=["a", "b", "c"], images=images)
    assert channel_statistics(pixels) == ((9 / 255,), (1 / 255,))


def test_large_images_do_not_fill_memory(tmp_path):
    """In flight are at most two chunks of 4 MiB per thread, whatever the size of the images."""
    for label in "ab":
        (tmp_path / "x" / label).mkdir(parents=True)
        for number in range(4):
            noise(20, 20, 3, ord(label) + number).save(tmp_path / "x" / label / f"{number}.png")
    split = open_dataset(str(tmp_path / "x")).train
    large = Preprocessing(side=2000, channels=3, mean=(0,) * 3, std=(1,) * 3)
    calls = []
    original = _prepare.in_chunks

    def noted(work, things, **options):
        calls.append(options["chunk"])
        return original(work, things, **options)

    _prepare.in_chunks = noted
    try:
        prepare(split, large, cache=tmp_path / "c")
    finally:
        _prepare.in_chunks = original
    assert calls == [1]

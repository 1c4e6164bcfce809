"""Test images that are in the training set, on pictures made so."""

import io

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from convatlas.data import open_dataset
from convatlas.evaluation import error_without, near_duplicates
from convatlas.evaluation._near_duplicates import _threshold, detail
from tests.evaluation.scores import right_or_wrong


def scene(seed: int) -> Image.Image:
    """Blobs of several sizes: a picture that no other seed comes near to."""
    generator = np.random.default_rng(seed)
    layers = [
        np.asarray(
            Image.fromarray(generator.integers(0, 256, (cells, cells, 3), dtype=np.uint8)).resize(
                (64, 64), Image.Resampling.BICUBIC
            ),
            np.float32,
        )
        for cells in (3, 7, 15)
    ]
    return Image.fromarray((sum(layers) / 3).astype(np.uint8))


def jpeg(image: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file)


CHANGES = {
    "jpeg": lambda image: jpeg(image, 30),
    "brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.2),
    "grey": lambda image: image.convert("L").convert("RGB"),
    "smaller": lambda image: image.resize((40, 40), Image.Resampling.BILINEAR),
    "mirrored": lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "cut": lambda image: image.crop((1, 1, 63, 63)).resize((64, 64), Image.Resampling.BILINEAR),
}


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    root = tmp_path_factory.mktemp("images")
    for i in range(40):
        for part in ("train", "test"):
            folder = root / part / ("cat" if i % 2 else "dog")
            folder.mkdir(parents=True, exist_ok=True)
            scene(i if part == "train" else 1000 + i).save(folder / f"{i:02d}.png")
    for i, (name, change) in enumerate(CHANGES.items()):
        change(scene(i)).save(root / "test" / ("cat" if i % 2 else "dog") / f"{name}.png")
    Image.new("RGB", (64, 64), (9, 9, 9)).save(root / "test" / "cat" / "flat.png")
    Image.new("RGB", (64, 64), (9, 9, 9)).save(root / "train" / "cat" / "flat.png")
    told = []
    dataset = open_dataset(str(root), seed=1)
    return near_duplicates(dataset, progress=lambda *step: told.append(step)), dataset, told


def test_every_changed_copy_is_found_and_nothing_else(found):
    duplicates, dataset, _ = found
    pairs = {p.test.rpartition("/")[2].removesuffix(".png"): p for p in duplicates.pairs}
    in_training = {name.rpartition("/")[2] for name in dataset.train.names}
    expected = {name for i, name in enumerate(CHANGES) if f"{i:02d}.png" in in_training}
    assert set(pairs) == expected
    assert len(expected) >= 4
    for i, name in enumerate(CHANGES):
        if name in expected:
            assert pairs[name].train.endswith(f"{i:02d}.png")
            assert pairs[name].mirrored == (name == "mirrored")
            assert pairs[name].test_class == pairs[name].train_class
    assert (duplicates.threshold, duplicates.estimated_false) == (0.85, 0)
    assert duplicates.tested == len(dataset.test)
    likeness = [p.likeness for p in duplicates.pairs]
    assert likeness == sorted(likeness, reverse=True)


def test_progress_reaches_the_end(found):
    _, dataset, told = found
    total = len(dataset.train) + len(dataset.test)
    assert told[-1] == ("looking for near-duplicates", total, total)


def test_error_without_them(found):
    duplicates, _, _ = found
    names = [p.test for p in duplicates.pairs[:2]] + ["a.png", "b.png", "c.png", "d.png"]
    scored = right_or_wrong([True, True, False, True, True, True], names=names)
    assert error_without(scored, duplicates) == (4, 25.0)


def test_detail_hears_neither_light_nor_background():
    generator = np.random.default_rng(0)
    image = generator.integers(40, 120, (1, 16, 16), dtype=np.uint8)
    slope = np.kron(np.arange(16).reshape(4, 4) * 4, np.ones((4, 4), np.int64))
    other = (image + slope + 10).astype(np.uint8)
    assert float(detail(image)[0] @ detail(other)[0]) == pytest.approx(1, abs=1e-6)
    assert not detail(np.full((1, 16, 16), 7, np.uint8)).any()


def test_where_strangers_are_alike_the_threshold_rises():
    best = np.concatenate([np.full(100, 0.5), np.full(60, 0.91), np.full(40, 0.96)])
    unlike = np.zeros(200, bool)
    unlike[:50] = True  # half of the strangers
    assert _threshold(best.astype(np.float32), unlike) == (0.85, 0.0)
    unlike[100:120] = True  # a third of the next: 40 of 100 are strangers
    assert _threshold(best.astype(np.float32), unlike) == (0.93, 0.0)
    unlike[160] = True  # two of forty expected
    assert _threshold(best.astype(np.float32), unlike) == (0.93, 2.0)

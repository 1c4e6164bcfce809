"""One picture of what a net sees in training: a row per class, a column per epoch."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from convatlas.data._fit import centre
from convatlas.data._pixels import Pixels
from convatlas.data.augmentation import Augmentation, resized
from convatlas.errors import UserError

_LEAST_TILE = 96  # smaller images are shown in larger, equal pixels
_MOST_PIXELS = 40_000_000
_MOST_ROWS = 20
_GAP, _WIDE_GAP, _LINE, _NAMES = 4, 16, 22, 170  # pixels: lines of text, the names' column
_GROUND, _INK, _PALE = (250, 250, 250), (20, 20, 20), (110, 110, 110)


def contact_sheet(
    pixels: Pixels,
    classes: Sequence[str],
    augmentation: Augmentation,
    side: int,
    *,
    images: int = 2,
    epochs: int = 4,
    seed: int = 0,
) -> Image.Image:
    """Some images of each class as evaluation sees them, and as each epoch of training does.

    The pixels are those that are normalised for the net, each shown as a square of equal ones.
    At most 20 classes have a row, at equal distances among all.

    Args:
        side: of the net's input.
        images: of each class, the first ones.
        epochs: of each image, from epoch 0 on.

    Raises:
        UserError: if the sheet would have more than 40 million pixels, or images cannot be read.
    """
    if images < 1 or epochs < 1:
        raise UserError(f"A sheet of {images} images by {epochs} epochs is empty. Give at least 1.")
    shown = _spread(len(classes), _MOST_ROWS)
    tile = side * max(1, -(-_LEAST_TILE // side))
    group = (1 + epochs) * (tile + _GAP) + _WIDE_GAP
    size = (_NAMES + images * group, 3 * _LINE + len(shown) * (tile + _GAP))
    if size[0] * size[1] > _MOST_PIXELS:
        raise UserError(
            f"A sheet of {size[0]} x {size[1]} pixels is too large: at most {_MOST_PIXELS:,}. "
            "Show fewer images or epochs."
        )
    sheet = Image.new("RGB", size, _GROUND)
    text = ImageDraw.Draw(sheet)
    _write(text, (_GAP, 4), f"Training images at {side} x {side}: {_in_words(augmentation)}", size)
    if len(shown) < len(classes):
        note = f"{len(shown)} of {len(classes)} classes"
        _write(text, (_GAP, 4 + _LINE), note, (_NAMES, 0), _PALE)
    for number in range(images):
        for column in range(1 + epochs):
            name = "evaluation" if column == 0 else f"epoch {column - 1}"
            left = _NAMES + number * group + column * (tile + _GAP)
            _write(text, (left, 4 + 2 * _LINE), name, (left + tile, 0), _PALE)
    for place, label in enumerate(shown):
        top = 3 * _LINE + place * (tile + _GAP)
        _write(text, (_GAP, top + tile // 2 - 8), classes[label], (_NAMES - _GAP, 0))
        rows = np.flatnonzero(pixels.labels == label)[:images]
        for number, tiles in enumerate(_seen(pixels, rows, augmentation, side, epochs, seed)):
            for column, one in enumerate(tiles):
                left = _NAMES + number * group + column * (tile + _GAP)
                enlarged = Image.fromarray(one).resize((tile, tile), Image.Resampling.NEAREST)
                sheet.paste(enlarged, (left, top))
    return sheet


def _seen(
    pixels: Pixels,
    rows: npt.NDArray[np.int64],
    augmentation: Augmentation,
    side: int,
    epochs: int,
    seed: int,
) -> npt.NDArray[np.uint8]:
    """[rows, 1 + epochs, side, side, 3]: each image plain, then changed."""
    if not len(rows):
        return np.empty((0, 0, side, side, 3), np.uint8)
    stored = pixels.batch(rows)
    plain = centre(stored, side) if stored.shape[1] >= side else resized(stored, side)
    changed = [
        pixels.changed(rows, augmentation, side, seed=seed, epoch=epoch) for epoch in range(epochs)
    ]
    seen = np.stack([plain, *changed], axis=1)
    return np.broadcast_to(seen, (*seen.shape[:-1], 3))


def _spread(count: int, most: int) -> list[int]:
    """At most so many of the numbers below `count`, at equal distances."""
    kept = min(count, most)
    return [number * count // kept for number in range(kept)]


def _in_words(augmentation: Augmentation) -> str:
    """The fields that are set."""
    parts = [
        f"{part.name} {_short(getattr(augmentation, part.name))}"
        for part in fields(augmentation)
        if getattr(augmentation, part.name) != part.default
    ]
    return ", ".join(parts) or "nothing is changed"


def _short(value: Any) -> str:
    if isinstance(value, tuple):
        return f"({', '.join(map(_short, value))})"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _write(
    text: ImageDraw.ImageDraw,
    at: tuple[int, int],
    words: str,
    end: tuple[int, int],
    colour: tuple[int, int, int] = _INK,
) -> None:
    """One line, cut where it would pass the right end."""
    font = ImageFont.load_default(14)
    words = " ".join(words.split())
    room = end[0] - at[0]
    if text.textlength(words, font) > room:
        while words and text.textlength(f"{words}...", font) > room:
            words = words[:-1]
        words = f"{words}..."
    text.text(at, words, colour, font)

"""How the error grows as pictures get worse."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from convatlas.data import Pixels, Preprocessing, Progress
from convatlas.errors import UserError
from convatlas.evaluation._corruptions import CORRUPTIONS, Corruption, random_of
from convatlas.evaluation._evaluate import evaluate
from convatlas.evaluation._predictor import Predictor
from convatlas.evaluation.metrics._intervals import Interval, error_interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Severity:
    """The error at one severity."""

    severity: float
    errors: int
    top1_error: float  # percent
    interval: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class RobustnessCurve:
    """One corruption, from mild to severe."""

    corruption: str
    unit: str
    points: tuple[Severity, ...]

    @property
    def mean_error(self) -> float:
        """Over the severities, in percent."""
        return sum(point.top1_error for point in self.points) / len(self.points)


@dataclass(frozen=True, slots=True, kw_only=True)
class Robustness:
    """Errors on the same n images, clean and corrupted; single crop."""

    protocol: str
    n: int
    seed: int
    clean: Severity  # severity 0
    curves: tuple[RobustnessCurve, ...]

    def as_dict(self) -> dict[str, Any]:
        """The fields as JSON values."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _CorruptedPixels(Pixels):
    """Prepared images, made worse whenever they are asked for."""

    clean: Pixels
    corruption: Corruption
    severity: float
    seed: int

    def batch(self, indices: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.uint8]:
        images = self.clean.batch(indices)
        for place, index in enumerate(indices):
            random = random_of(self.seed, self.names[int(index)])
            images[place] = self.corruption.apply(images[place], self.severity, random)
        return images


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _SomePixels(Pixels):
    """The images of those numbers."""

    every: Pixels
    numbers: npt.NDArray[np.int64]

    def batch(self, indices: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.uint8]:
        return self.every.batch(self.numbers[indices])


def robustness(
    predict: Predictor,
    pixels: Pixels,
    preprocessing: Preprocessing,
    classes: Sequence[str],
    *,
    most: int = 2_000,
    seed: int = 0,
    progress: Progress | None = None,
) -> Robustness:
    """Errors of `predict` on `pixels` under JPEG, noise, blur and changed brightness.

    Args:
        pixels: as `data.prepare` gives them.
        most: images; of more, these many at equal distances.
        seed: of the noise, which depends on it and on the image's name alone.

    Raises:
        UserError: if there are no images.
    """
    if not len(pixels):
        raise UserError("There are no images to corrupt. Give a data set that has some.")
    some = _some(pixels, most)
    total, done = 1 + sum(len(c.severities) for c in CORRUPTIONS), 0

    def scored(images: Pixels, severity: float) -> tuple[Severity, str]:
        nonlocal done
        found = evaluate(predict, images, preprocessing, classes)
        done += 1
        if progress is not None:
            progress("corrupting images", done, total)
        errors = round(found.top1_error * found.n / 100)
        point = Severity(
            severity=severity,
            errors=errors,
            top1_error=found.top1_error,
            interval=error_interval(errors, found.n, seed=seed),
        )
        return point, found.protocol

    clean, protocol = scored(some, 0.0)
    curves = []
    for corruption in CORRUPTIONS:
        points = [scored(_worse(some, corruption, s, seed), s)[0] for s in corruption.severities]
        curves.append(
            RobustnessCurve(corruption=corruption.name, unit=corruption.unit, points=tuple(points))
        )
    return Robustness(protocol=protocol, n=len(some), seed=seed, clean=clean, curves=tuple(curves))


def _worse(clean: Pixels, corruption: Corruption, severity: float, seed: int) -> Pixels:
    return _CorruptedPixels(
        labels=clean.labels, names=clean.names,
        clean=clean, corruption=corruption, severity=severity, seed=seed,
    )  # fmt: skip


def _some(pixels: Pixels, most: int) -> Pixels:
    if len(pixels) <= most:
        return pixels
    numbers = np.arange(most) * len(pixels) // most
    names = [pixels.names[i] for i in numbers.tolist()]
    return _SomePixels(
        labels=np.asarray(pixels.labels)[numbers], names=names, every=pixels, numbers=numbers
    )

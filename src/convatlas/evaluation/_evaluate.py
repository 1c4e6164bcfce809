"""Scoring a predictor on images with known labels."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from convatlas.data import Pixels, Preprocessing, Progress, centre, normalise
from convatlas.errors import UserError
from convatlas.evaluation._mean import mean
from convatlas.evaluation._outcomes import Outcomes, outcomes_of
from convatlas.evaluation._predictor import Predictor
from convatlas.evaluation._result import Evaluation
from convatlas.evaluation._scores import (
    calibration_error,
    class_scores,
    confusion,
    mistakes,
)


def evaluate(
    predict: Predictor,
    pixels: Pixels,
    preprocessing: Preprocessing,
    classes: Sequence[str],
    *,
    batch: int = 256,
    progress: Progress | None = None,
) -> Evaluation:
    """Scores of `predict` on the centre crop of every image, each counted once.

    An image whose own class shares the largest logit with another counts as an error, and so
    among the five largest.

    Raises:
        UserError: if there are no images, an output is not finite, or classes and outputs differ.
    """
    if len(pixels) == 0:
        raise UserError("There are no images to evaluate on. Give a data set that has some.")
    found = Outcomes.concatenated(
        list(_outcomes(predict, pixels, preprocessing, classes, batch, progress))
    )
    if len(found) != len(pixels):
        raise RuntimeError(f"{len(found)} of {len(pixels)} images were scored")
    k = len(classes)
    return Evaluation(
        protocol=_protocol(preprocessing, len(pixels)),
        n=len(found),
        top1_error=100.0 * int((found.rank > 1).sum()) / len(found),
        top5_error=100.0 * int((found.rank > 5).sum()) / len(found) if k > 5 else None,
        loss=mean(found.loss),
        calibration_error=calibration_error(found),
        confusion=confusion(found, k),
        per_class=class_scores(found, classes),
        mistakes=mistakes(found, pixels.names, classes),
    )


def _outcomes(
    predict: Predictor,
    pixels: Pixels,
    preprocessing: Preprocessing,
    classes: Sequence[str],
    batch: int,
    progress: Progress | None,
) -> Iterator[Outcomes]:
    for start in range(0, len(pixels), batch):
        indices = np.arange(start, min(start + batch, len(pixels)))
        truth = np.asarray(pixels.labels)[indices]
        _check_labels(truth, classes, pixels.names, start)
        cropped = centre(pixels.batch(indices), preprocessing.side)
        logits = predict(normalise(cropped, preprocessing).numpy())
        _check_logits(logits, (len(indices), len(classes)), pixels.names, start)
        yield outcomes_of(logits, truth)
        if progress is not None:
            progress("evaluating", start + len(indices), len(pixels))


def _check_labels(
    truth: npt.NDArray[np.int64], classes: Sequence[str], names: Sequence[str], start: int
) -> None:
    outside = (truth < 0) | (truth >= len(classes))
    if outside.any():
        first = int(outside.argmax())
        raise UserError(
            f"Image {names[start + first]!r} has label {truth[first]}, but there are "
            f"{len(classes)} classes. Evaluate on the data set that the net was trained for."
        )


def _check_logits(
    logits: npt.NDArray[np.float32], shape: tuple[int, int], names: Sequence[str], start: int
) -> None:
    if logits.shape != shape:
        raise UserError(
            f"The net gives outputs of shape {logits.shape} for {shape[0]} images of {shape[1]} "
            "classes. Evaluate on the data set that the net was trained for."
        )
    broken = ~np.isfinite(logits).all(axis=1)
    if broken.any():
        raise UserError(
            f"The net's outputs for image {names[start + int(broken.argmax())]!r} are not finite. "
            "Its training went wrong; train again with a lower learning rate."
        )


def _protocol(preprocessing: Preprocessing, n: int) -> str:
    side, stored = preprocessing.side, preprocessing.stored_side
    return (
        f"single_crop, {side}x{side}, centre of {stored}x{stored} "
        f"(crop share {preprocessing.crop_share:g}), {n} image{'s' if n > 1 else ''}"
    )

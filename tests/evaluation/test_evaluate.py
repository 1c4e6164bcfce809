"""Scores against hand-made cases, scikit-learn and plain loops."""

import json
import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from convatlas.data import Preprocessing, StoredPixels
from convatlas.errors import UserError
from convatlas.evaluation import Evaluation, Predictor, evaluate
from convatlas.evaluation._outcomes import Outcomes
from convatlas.evaluation._scores import calibration_error

GREY = Preprocessing(side=1, channels=1, mean=(0.0,), std=(1 / 255,))


def numbered(labels: Sequence[int]) -> StoredPixels:
    """Image i is one pixel of value i, so that a predictor can look up its logits."""
    n = len(labels)
    return StoredPixels(
        labels=np.asarray(labels, np.int64),
        names=[f"val/{i}.png" for i in range(n)],
        images=np.arange(n, dtype=np.uint8).reshape(n, 1, 1, 1),
    )


def table(logits: np.ndarray, seen: list[int] | None = None) -> Predictor:
    def predict(images: np.ndarray) -> np.ndarray:
        indices = images[:, 0, 0, 0].round().astype(int)
        if seen is not None:
            seen.extend(indices.tolist())
        return logits[indices].astype(np.float32)

    return predict


def scored(
    logits: Sequence[Sequence[float]], labels: Sequence[int], batch: int = 256
) -> Evaluation:
    values = np.asarray(logits, np.float32)
    classes = [f"c{i}" for i in range(values.shape[1])]
    return evaluate(table(values), numbered(labels), GREY, classes, batch=batch)


def random_case(n: int = 200, k: int = 7, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    logits = generator.normal(0, 2, (n, k)).astype(np.float32)
    return logits, generator.integers(0, k, n)


def test_four_images_by_hand() -> None:
    found = scored([[2, 0], [0, 2], [2, 0], [2, 0]], [0, 1, 1, 0])
    sure = math.exp(2) / (math.exp(2) + 1)
    assert found.n == 4
    assert found.top1_error == 25.0
    assert found.accuracy == 75.0
    assert found.top5_error is None
    assert found.loss == pytest.approx((3 * -math.log(sure) - math.log(1 - sure)) / 4, rel=1e-12)
    assert found.calibration_error == pytest.approx(abs(0.75 - sure), rel=1e-12)
    assert found.confusion == ((2, 0), (1, 1))
    assert [(s.n, s.precision, s.recall) for s in found.per_class] == [(2, 2 / 3, 1), (2, 1, 0.5)]
    (mistake,) = found.mistakes
    assert (mistake.index, mistake.name) == (2, "val/2.png")
    assert (mistake.truth, mistake.predicted) == ("c1", "c0")
    assert mistake.confidence == pytest.approx(sure, rel=1e-12)


def test_a_tie_for_the_largest_is_an_error_and_the_other_class_is_named() -> None:
    found = scored([[1, 1, 0], [1, 1, 0], [3, 3, 3]], [0, 1, 0])
    assert found.top1_error == 100.0
    assert [m.predicted for m in found.mistakes] == ["c1", "c0", "c1"]
    assert sum(row[i] for i, row in enumerate(found.confusion)) == 0


def test_ties_count_against_the_five_largest() -> None:
    tied = [5.0, 5.0, 5.0, 5.0, 5.0, 5.0, 0.0]
    clear = [9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0]
    found = scored([tied, clear, clear], [0, 4, 5])
    assert found.top5_error == pytest.approx(200 / 3)
    assert found.top1_error == 100.0


def test_a_class_never_seen_or_never_given_has_no_score_and_no_nan() -> None:
    found = scored([[2, 0, 0], [2, 0, 0]], [0, 1])
    assert [(s.precision, s.recall) for s in found.per_class] == [(0.5, 1), (None, 0), (None, None)]
    assert json.loads(json.dumps(found.as_dict(), allow_nan=False)) == found.as_dict()


def test_agrees_with_scikit_learn() -> None:
    logits, labels = random_case()
    found = scored(logits, labels)
    wide = logits.astype(np.float64)
    powers = np.exp(wide - wide.max(axis=1, keepdims=True))
    probabilities = powers / powers.sum(axis=1, keepdims=True)
    taken = logits.argmax(axis=1)
    every = list(range(7))
    assert found.loss == pytest.approx(metrics.log_loss(labels, probabilities, labels=every))
    assert found.accuracy == pytest.approx(100 * metrics.accuracy_score(labels, taken))
    top5 = metrics.top_k_accuracy_score(labels, logits, k=5, labels=every)
    assert found.top5_error == pytest.approx(100 * (1 - top5))
    assert [list(r) for r in found.confusion] == metrics.confusion_matrix(labels, taken).tolist()
    precision, recall, _, support = metrics.precision_recall_fscore_support(labels, taken)
    assert [s.precision for s in found.per_class] == pytest.approx(precision.tolist())
    assert [s.recall for s in found.per_class] == pytest.approx(recall.tolist())
    assert [s.n for s in found.per_class] == support.tolist()


def test_calibration_error_against_a_plain_loop() -> None:
    logits, labels = random_case(n=150, k=3, seed=1)
    wide = logits.astype(np.float64)
    probabilities = np.exp(wide) / np.exp(wide).sum(axis=1, keepdims=True)
    total = 0.0
    for m in range(1, 16):
        inside = [
            (probabilities[i].max(), logits[i].argmax() == labels[i])
            for i in range(150)
            if (m - 1) / 15 < probabilities[i].max() <= m / 15
        ]
        if inside:
            confidence, correct = (sum(v) / len(inside) for v in zip(*inside, strict=True))
            total += len(inside) / 150 * abs(correct - confidence)
    assert scored(logits, labels).calibration_error == pytest.approx(total, rel=1e-9)


def test_a_confidence_on_an_edge_belongs_to_the_bin_below() -> None:
    found = Outcomes(
        truth=np.array([0, 0]), predicted=np.array([0, 1]), rank=np.array([1, 2]),
        confidence=np.array([5 / 15, 0.3]), loss=np.zeros(2),
    )  # fmt: skip
    assert calibration_error(found) == pytest.approx(abs(1 - (5 / 15 + 0.3)) / 2)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 60), st.integers(2, 9), st.integers(1, 70))
def test_sums_agree_and_batches_do_not_matter(seed: int, n: int, k: int, batch: int) -> None:
    generator = np.random.default_rng(seed)
    logits = generator.integers(-2, 3, (n, k)).astype(np.float32)  # many ties
    labels = generator.integers(0, k, n)
    whole, parts = scored(logits, labels), scored(logits, labels, batch)
    assert whole == parts
    right = sum(row[i] for i, row in enumerate(whole.confusion))
    assert whole.top1_error == 100.0 * (n - right) / n
    assert sum(map(sum, whole.confusion)) == n == sum(s.n for s in whole.per_class)
    assert [sum(row) for row in whole.confusion] == np.bincount(labels, minlength=k).tolist()
    assert len(whole.mistakes) == min(64, n - right)
    assert all(m.truth != m.predicted for m in whole.mistakes)
    assert 0 <= whole.calibration_error <= 1
    assert whole.top5_error is None or whole.top5_error <= whole.top1_error
    strict = (logits > logits[np.arange(n), labels][:, None]).sum(axis=1)
    ties = (logits == logits[np.arange(n), labels][:, None]).sum(axis=1) - 1
    assert right == int(((strict + ties) < 1).sum())
    if k > 5:
        assert whole.top5_error == 100.0 * int(((strict + ties) >= 5).sum()) / n


def test_every_image_is_seen_once_and_progress_reaches_the_end() -> None:
    logits, labels = random_case(n=23, k=3)
    seen: list[int] = []
    told: list[tuple[str, int, int]] = []
    evaluate(
        table(logits, seen), numbered(labels), GREY, "abc", batch=5,
        progress=lambda *step: told.append(step),
    )  # fmt: skip
    assert seen == list(range(23))
    assert told == [("evaluating", done, 23) for done in (5, 10, 15, 20, 23)]


def test_most_confident_mistakes_come_first_and_at_most_64() -> None:
    logits = [[float(i % 90), 0.0] for i in range(1, 101)]
    found = scored(logits, [1] * 100)
    confidences = [m.confidence for m in found.mistakes]
    assert len(confidences) == 64
    assert confidences == sorted(confidences, reverse=True)
    assert [m.index for m in found.mistakes][:2] == sorted(m.index for m in found.mistakes[:2])


def test_protocol_says_crop_side_share_and_number() -> None:
    images = np.zeros((3, 32, 32, 1), np.uint8)
    pixels = StoredPixels(labels=np.zeros(3, np.int64), names=["a", "b", "c"], images=images)
    preprocessing = Preprocessing(side=28, channels=1, mean=(0.5,), std=(0.5,), crop_share=0.875)

    def predict(batch: np.ndarray) -> np.ndarray:
        assert batch.shape == (3, 1, 28, 28)
        assert batch.dtype == np.float32
        return np.tile(np.float32([1, 0]), (3, 1))

    found = evaluate(predict, pixels, preprocessing, ["a", "b"])
    assert found.protocol == "single_crop, 28x28, centre of 32x32 (crop share 0.875), 3 images"


def test_what_cannot_be_scored_is_refused() -> None:
    with pytest.raises(UserError, match="no images to evaluate"):
        scored(np.zeros((0, 2)), [])
    with pytest.raises(UserError, match=r"val/1\.png' has label 2, but there are 2 classes"):
        scored([[0, 1], [0, 1]], [0, 2])
    for value in (math.nan, math.inf):
        with pytest.raises(UserError, match=r"val/1\.png' are not finite"):
            scored([[0, 1], [0, value], [0, 1]], [0, 0, 0])
    with pytest.raises(UserError, match=r"shape .* for 2 images of 3 classes"):
        evaluate(table(np.zeros((2, 2))), numbered([0, 1]), GREY, "abc")


def test_large_logits_do_not_overflow() -> None:
    found = scored([[1e30, -1e30], [-1e30, 1e30]], [0, 0])
    assert found.loss == pytest.approx(1e30, rel=1e-6)
    assert found.calibration_error == pytest.approx(0.5)

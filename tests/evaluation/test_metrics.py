"""Scores by hand, by enumeration and against scikit-learn and SciPy."""

from dataclasses import asdict, replace
from fractions import Fraction
from math import comb, inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats
from sklearn import metrics as peer

from convatlas.errors import UserError
from convatlas.evaluation import (
    Evaluation,
    Scored,
    at_temperature,
    calibrated,
    evaluation_of,
    fit_temperature,
)
from convatlas.evaluation.metrics import (
    class_curves,
    confused_pairs,
    difference_interval,
    error_interval,
    holm,
    mcnemar,
    mean_interval,
    reliability,
    top_k_errors,
)
from tests.evaluation.scores import random_scored, right_or_wrong, scored, softmax


def shuffled(whole: Scored, seed: int) -> Scored:
    order = np.random.default_rng(seed).permutation(len(whole))
    return replace(
        whole,
        probabilities=whole.probabilities[order],
        truth=whole.truth[order],
        names=[whole.names[i] for i in order],
    )


def without_places(found: Evaluation) -> dict:
    return {**found.as_dict(), "mistakes": [m["name"] for m in found.as_dict()["mistakes"]]}


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 1000), st.integers(2, 120), st.integers(2, 8))
def test_the_order_of_the_images_changes_nothing(seed, n, k):
    whole = random_scored(n, k, seed)
    assert without_places(evaluation_of(whole)) == without_places(
        evaluation_of(shuffled(whole, seed))
    )


def test_top_k_by_hand_and_against_scikit_learn():
    by_hand = scored([[0.5, 0.3, 0.2], [0.2, 0.3, 0.5], [0.4, 0.4, 0.2]], [0, 0, 1])
    errors = top_k_errors(by_hand, (1, 2, 3))
    assert [e.errors for e in errors] == [2, 1, 0]  # the tie counts as an error among the first
    assert [e.error for e in errors] == [200 / 3, 100 / 3, 0]
    whole = random_scored()
    for k in range(1, 7):
        right = peer.top_k_accuracy_score(whole.truth, whole.probabilities, k=k, labels=range(7))
        assert top_k_errors(whole, (k,))[0].error == pytest.approx(100 * (1 - right))
    with pytest.raises(UserError, match=r"top-8 error: there are 7 classes, so k is 1 to 7"):
        top_k_errors(whole, (8,))


def test_evaluation_has_all_scores_and_agrees_with_its_parts():
    whole = random_scored(k=7)
    found = evaluation_of(whole, ks=(3,))
    assert [score.k for score in found.top_k] == [1, 3, 5]
    assert found.top_k[0].error == found.top1_error
    assert found.top_k[2].error == found.top5_error
    assert found.loss == pytest.approx(peer.log_loss(whole.truth, whole.probabilities))
    assert found.reliability.expected_error == pytest.approx(found.calibration_error, rel=1e-12)
    assert found.reliability.accuracy == pytest.approx(found.accuracy / 100)
    assert sum(b.n for b in found.reliability.bins) == found.n == 300
    assert found.model == "net"
    assert len(found.curves) == 7
    with pytest.raises(UserError, match="no images"):
        evaluation_of(scored(np.zeros((0, 3)), []))


def test_reliability_by_hand():
    by_hand = scored([[0.9, 0.1], [0.92, 0.08], [0.4, 0.6], [0.45, 0.55]], [0, 1, 1, 1])
    found = reliability(by_hand.outcomes)
    filled = {round(b.high * 15): (b.n, b.confidence, b.accuracy) for b in found.bins if b.n}
    assert filled[14] == (2, pytest.approx(0.91), 0.5)
    assert filled[9] == (2, pytest.approx(0.575), 1.0)
    assert found.expected_error == pytest.approx((0.41 + 0.425) / 2)
    assert found.maximum_error == pytest.approx(0.425)


def test_confused_pairs_are_the_matrix_sorted():
    whole = random_scored(k=4)
    matrix = peer.confusion_matrix(whole.truth, whole.probabilities.argmax(axis=1))
    pairs = confused_pairs(whole)
    assert [p.n for p in pairs] == sorted(
        (int(n) for n in matrix[~np.eye(4, dtype=bool)]), reverse=True
    )
    for pair in pairs:
        truth, predicted = int(pair.truth[1]), int(pair.predicted[1])
        assert (pair.n, pair.of) == (matrix[truth, predicted], matrix[truth].sum())
    assert len(confused_pairs(whole, most=3)) == 3


@pytest.mark.parametrize("ties", [False, True])
def test_curves_agree_with_scikit_learn(ties):
    whole = random_scored(n=400, k=3)
    if ties:
        whole = replace(whole, probabilities=whole.probabilities.round(1))
    for i, curve in enumerate(class_curves(whole)):
        own, scores = whole.truth == i, whole.probabilities[:, i]
        assert curve.area == pytest.approx(peer.roc_auc_score(own, scores))
        assert curve.average_precision == pytest.approx(peer.average_precision_score(own, scores))
        false, true, _ = peer.roc_curve(own, scores, drop_intermediate=False)
        assert set(curve.roc) <= {(float(x), float(y)) for x, y in zip(false, true, strict=True)}
        assert (curve.roc[0], curve.roc[-1]) == ((0, 0), (1, 1))
        assert len(curve.roc) <= 200 >= len(curve.precision_recall)
        assert curve.precision_recall[-1][0] == 1.0


def test_curves_of_few_classes_that_have_images_only():
    assert class_curves(random_scored(n=50, k=21)) == ()
    some = scored([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1]], [0, 1])
    assert [c.name for c in class_curves(some)] == ["c0", "c1"]
    assert [c.area for c in class_curves(some)] == [1.0, 1.0]
    assert class_curves(right_or_wrong([True, False])) == ()  # nothing to be told from


def exact_p(b: int, c: int) -> Fraction:
    """Every outcome of b + c fair coins that is no likelier than this side's and its mirror."""
    n = b + c
    tail = Fraction(sum(comb(n, i) for i in range(min(b, c) + 1)), 2**n)
    return min(Fraction(1), 2 * tail)


def test_mcnemar_by_enumeration():
    for b in range(13):
        for c in range(13):
            assert mcnemar(b, c) == pytest.approx(float(exact_p(b, c)), rel=1e-11)
            if b + c:
                assert mcnemar(b, c) == pytest.approx(stats.binomtest(b, b + c).pvalue, rel=1e-9)
    assert mcnemar(40_000, 41_000) == pytest.approx(
        stats.binomtest(40_000, 81_000).pvalue, rel=1e-6
    )
    assert mcnemar(0, 5000) == 0.0


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert holm([0.9, 0.8]) == (1.0, 1.0)
    assert holm([]) == ()


def test_intervals_are_seeded_and_hold_the_score():
    found = error_interval(25, 200)
    assert found == error_interval(25, 200) != error_interval(25, 200, seed=1)
    assert found.low < 12.5 < found.high
    exact = [100 * stats.binom.ppf(q, 200, 0.125) / 200 for q in (0.025, 0.975)]
    assert [found.low, found.high] == pytest.approx(exact, abs=0.51)
    values = np.random.default_rng(0).exponential(size=1000)
    of_mean = mean_interval(values)
    assert of_mean == mean_interval(values[::-1])
    standard = values.std() / np.sqrt(1000)
    assert of_mean.high - of_mean.low == pytest.approx(2 * 1.96 * standard, rel=0.06)
    of_difference = difference_interval(30, 10, 400)
    expected = 1.96 * 100 * np.sqrt((40 / 400 - (20 / 400) ** 2) / 400)
    assert of_difference.high - of_difference.low == pytest.approx(2 * expected, rel=0.06)
    assert of_difference.low < 5 < of_difference.high


def test_without_a_mistake_the_interval_is_wilsons():
    none, every = error_interval(0, 50), error_interval(50, 50)
    peers = stats.binomtest(0, 50).proportion_ci(method="wilson")
    assert (none.method, none.low) == ("wilson", 0.0)
    assert none.high == pytest.approx(100 * peers.high)
    assert every.low == pytest.approx(100 - none.high)


@pytest.mark.slow
@pytest.mark.parametrize(("n", "error"), [(500, 0.2), (2000, 0.07)])
def test_intervals_cover_the_true_error_at_about_their_rate(n, error):
    draws = np.random.default_rng(1).binomial(n, error, 4000)
    held = sum(
        found.low <= 100 * error <= found.high
        for seed, errors in enumerate(draws.tolist())
        for found in (error_interval(errors, n, seed=seed),)
    )
    assert 0.93 < held / 4000 < 0.965


@pytest.mark.slow
def test_intervals_of_a_mean_cover_it_at_about_their_rate():
    generator = np.random.default_rng(2)
    held = 0
    for seed in range(600):
        found = mean_interval(generator.exponential(size=300), seed=seed)
        held += found.low <= 1.0 <= found.high
    assert 0.915 < held / 600 < 0.975


@pytest.mark.parametrize("true", [0.5, 1.0, 2.5])
def test_a_known_temperature_is_found(true):
    generator = np.random.default_rng(0)
    logits = generator.normal(0, 2, (10_000, 5))
    probabilities = softmax(logits)
    truth = (probabilities.cumsum(axis=1) < generator.random((10_000, 1))).sum(axis=1)
    overdone = scored(softmax(true * logits), truth)
    found = fit_temperature(overdone, fitted_on="val")
    assert found.value == pytest.approx(true, rel=0.04)

    def loss(beta: float) -> float:
        own = softmax(beta * true * logits)[np.arange(len(truth)), truth]
        return -float(np.log(own).mean())

    best = optimize.minimize_scalar(
        loss, bounds=(0.1, 10), method="bounded", options={"xatol": 1e-9}
    )
    assert 1 / found.value == pytest.approx(best.x, rel=1e-4)
    assert str(found) == f"temperature {found.value:.4g} (fitted on val, 10,000 images)"


def test_temperature_changes_probabilities_and_no_answer():
    whole = random_scored(sharpness=6.0)
    temperature = fit_temperature(whole, fitted_on="val")
    assert temperature.value > 1.5
    cooled = at_temperature(whole, temperature)
    assert (cooled.outcomes.predicted == whole.outcomes.predicted).all()
    assert cooled.probabilities.sum(axis=1) == pytest.approx(1)
    assert cooled.protocol.endswith(str(temperature))
    change = calibrated(temperature, whole, applied_to="test")
    assert change.loss_after < change.loss_before
    assert change.loss_after == pytest.approx(cooled.outcomes.loss.mean())
    assert change.after.expected_error < change.before.expected_error
    again = reliability(cooled.outcomes)
    assert [b.n for b in change.after.bins] == [b.n for b in again.bins]
    assert change.after.expected_error == pytest.approx(again.expected_error, rel=1e-9)


def test_where_no_temperature_is_best_the_end_is_said():
    assert fit_temperature(right_or_wrong([True] * 5)).value == 0.01
    assert fit_temperature(right_or_wrong([False] * 5)).value == 100.0
    sure = scored([[1.0, 0.0], [0.0, 1.0]], [0, 0])  # a probability of 0 for the truth
    assert fit_temperature(sure).value < inf


def test_everything_in_an_evaluation_is_json():
    import json

    found = evaluation_of(random_scored())
    assert json.loads(json.dumps(found.as_dict(), allow_nan=False))["top_k"][0]["k"] == 1
    assert asdict(found)["model"] == "net"

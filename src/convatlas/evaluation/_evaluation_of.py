"""All scores of a set of classified images."""

from collections.abc import Sequence

from convatlas.errors import UserError
from convatlas.evaluation._mean import mean
from convatlas.evaluation._result import Evaluation
from convatlas.evaluation._scored import Scored
from convatlas.evaluation._scores import calibration_error, class_scores, confusion, mistakes
from convatlas.evaluation.metrics import (
    class_curves,
    confused_pairs,
    mean_interval,
    reliability,
    top_k_errors,
)


def evaluation_of(scored: Scored, *, ks: Sequence[int] = ()) -> Evaluation:
    """Every score of `scored`; the order of the images changes none of them.

    Args:
        ks: top-k errors wanted beside 1 and, above five classes, 5.

    Raises:
        UserError: if there are no images, or one of `ks` is not between 1 and the classes.
    """
    found, classes = scored.outcomes, scored.classes
    if not len(found):
        raise UserError("There are no images to evaluate on. Give a data set that has some.")
    usual = (1, 5) if len(classes) > 5 else (1,)
    top_k = top_k_errors(scored, sorted({*usual, *ks}))
    errors = {score.k: score.error for score in top_k}
    return Evaluation(
        protocol=scored.protocol,
        n=len(found),
        top1_error=errors[1],
        top5_error=errors[5] if len(classes) > 5 else None,
        loss=mean(found.loss),
        calibration_error=calibration_error(found),
        confusion=confusion(found, len(classes)),
        per_class=class_scores(found, classes),
        mistakes=mistakes(found, scored.names, classes),
        model=scored.model,
        unreadable=scored.unreadable,
        top_k=top_k,
        loss_interval=mean_interval(found.loss),
        reliability=reliability(found),
        confused=confused_pairs(scored),
        curves=class_curves(scored),
    )

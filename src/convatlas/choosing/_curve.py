"""What a net will reach with more training, judged from short trainings."""

from collections.abc import Sequence
from math import log

_STEEPEST = 0.6  # an error is not believed to fall faster than this with three times the time


def expected_error(errors: Sequence[tuple[float, float]], seconds: float, n: int) -> float:
    """The error expected after `seconds` of training, as a share of 1.

    Error falls about as a power of the training time; the power comes from the two longest
    trainings. With one, its own error is the best guess.

    Args:
        errors: (seconds, share of wrong answers) of each training so far, short to long.
        n: validation images; a share of 0 of them is taken for half an image.

    Source: Hestness et al., "Deep learning scaling is predictable, empirically" (arXiv:1712.00409).
    """
    shares = [(s, (e * n + 0.5) / (n + 1)) for s, e in errors]
    last_s, last = shares[-1]
    if len(shares) == 1 or seconds <= last_s:
        return last
    before_s, before = shares[-2]
    triplings = log(seconds / last_s) / log(3)
    per_tripling = (last / before) ** (log(3) / log(last_s / before_s))
    return last * float(min(1.0, max(_STEEPEST, per_tripling)) ** triplings)

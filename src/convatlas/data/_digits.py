"""scikit-learn's handwritten digits: 1797 grey images of 8 x 8, no download."""

import numpy as np

from convatlas.data._arrays import Labelled, collect_arrays
from convatlas.data._collection import Collection, Origin
from convatlas.data._split import Share
from convatlas.errors import UserError

_TEST, _VAL_OF_REST = 0.20, 0.10


def collect_digits() -> Collection:
    """The digits; 20 % of each class are the test, 10 % of the rest are validation."""
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise UserError(
            "The data set 'digits' comes with scikit-learn, which is not installed. "
            "Run: pip install 'convatlas[data]'"
        ) from error
    bunch = load_digits()
    pixels = np.round(bunch.images * (255 / 16)).astype(np.uint8)
    origin = Origin(
        name="digits",
        kind="digits",
        classes=tuple(str(digit) for digit in range(10)),
        flip=False,
        hold_out=(Share("test", _TEST), Share("val", (1 - _TEST) * _VAL_OF_REST)),
    )
    return collect_arrays(origin, "digits", [Labelled(None, pixels, bunch.target)])

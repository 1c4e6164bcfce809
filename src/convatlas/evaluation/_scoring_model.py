"""A net as protocols use it, whatever computes it."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from convatlas.data import Preprocessing
from convatlas.evaluation._predictor import Predictor
from convatlas.evaluation._presets import described, preset

ClassMap = Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]]  # n c h w -> n k h2 w2


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoringModel:
    """A classifier, what it takes and, where it has one, its map of logits."""

    name: str
    classes: tuple[str, ...]
    preprocessing: Preprocessing
    predict: Predictor
    class_map: ClassMap | None = None  # of images of its side and larger; None: no dense protocol
    one_size: bool = False  # whether it takes images of `preprocessing.side` only
    preprocessing_name: str = "own"

    def with_preset(self, name: str) -> "ScoringModel":
        """The same net on pixels prepared in another way.

        Raises:
            UserError: if there is none of that name, or not for grey images.
        """
        chosen = preset(name, self.preprocessing)
        return replace(self, preprocessing=chosen, preprocessing_name=name)

    def recorded(self, protocol: object) -> str:
        """The text that goes with every score: a resolved protocol and the preprocessing."""
        return f"{protocol} on {described(self.preprocessing)} ({self.preprocessing_name})"

"""From the logits of views, as they come, to the probabilities of images."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from convatlas.evaluation.protocols import Use


class Tally:
    """Sums over the views of `n` images; float64 inside."""

    def __init__(self, n: int, num_classes: int, uses: Sequence[Use]) -> None:
        self._uses = uses
        self._of_logits = np.array([use.leaf.averages_logits for use in uses])
        self._share = np.array([use.share for use in uses])
        self._weight = np.array([use.share / use.num_views for use in uses])
        self._views = [use.num_views for use in uses]
        self._sum = np.zeros((n, num_classes))
        self._seen = np.zeros((n, len(uses)), np.int64)
        self._logits = {
            leaf: np.zeros((n, num_classes)) for leaf in np.flatnonzero(self._of_logits).tolist()
        }

    def add(
        self, places: Sequence[int], leaves: Sequence[int], logits: npt.NDArray[np.float64]
    ) -> None:
        """The logits [v, k] of views: of which images, and for which leaves."""
        image, leaf = np.array(places), np.array(leaves)
        np.add.at(self._seen, (image, leaf), 1)
        direct = ~self._of_logits[leaf]
        weighted = self._weight[leaf[direct], None] * softmax(logits[direct])
        np.add.at(self._sum, image[direct], weighted)
        for number, total in self._logits.items():
            mine = leaf == number
            np.add.at(total, image[mine], logits[mine] / self._views[number])

    def probabilities(self, places: Sequence[int]) -> npt.NDArray[np.float32]:
        """Of the images at `places`: [m, k], rows sum to 1.

        Raises:
            RuntimeError: if one has not had all its views, or one of them twice.
        """
        if (self._seen[places] != self._views).any():
            raise RuntimeError("an image was not seen in each of its views exactly once")
        found = self._sum[places]
        for number, total in self._logits.items():
            found = found + self._share[number] * softmax(total[places])
        return found.astype(np.float32)


def softmax(logits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Of each row."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)

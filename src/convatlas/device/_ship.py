"""Exporting a trained net, proved before it is written."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from torch import nn

from convatlas.bundle import BundleInfo
from convatlas.data import Preprocessing
from convatlas.deployment import Parity, bundle_metadata, parity, to_onnx
from convatlas.device._runtime import open_runtime
from convatlas.errors import CheckFailed
from convatlas.evaluation import predictor_of
from convatlas.files import write_atomic

_AGREEMENT = 0.999  # share of images on which net and exported file must give one class
_DIFFERENCE = 1e-4  # of the largest logit
_NOISE_BATCHES = (1, 2, 5, 64)


def ship(
    net: nn.Module, info: BundleInfo, path: Path, *, images: Iterable[np.ndarray] | None = None
) -> Parity:
    """Write `net` as an ONNX file that says its classes and preprocessing.

    Args:
        images: batches [n, c, h, w] on which both must agree; seeded noise when there are none.

    Raises:
        CheckFailed: if the file does not compute what the net computes; nothing is written then.
    """
    preprocessing = Preprocessing.from_dict(info.preprocessing)
    shape = (preprocessing.channels, preprocessing.side, preprocessing.side)
    content = to_onnx(net, shape, metadata=bundle_metadata(info))
    exported = open_runtime(content, runtime="onnxruntime", threads=1)
    found = parity(predictor_of(net), exported, _noise(shape) if images is None else images)
    if found.agreement < _AGREEMENT or found.relative_difference > _DIFFERENCE:
        raise CheckFailed(
            f"The exported file does not compute what the net computes: it differs by "
            f"{found.relative_difference:.2g} of the largest logit and agrees on "
            f"{100 * found.agreement:.2f} % of {found.n} inputs. {str(path)!r} was not written."
        )
    write_atomic(path, content)
    return found


def _noise(shape: tuple[int, int, int]) -> Iterator[np.ndarray]:
    generator = np.random.default_rng(0)
    for batch in _NOISE_BATCHES:
        yield generator.standard_normal((batch, *shape), dtype=np.float32)

"""A trained net ready to classify, from its bundle or from its ONNX file alone."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from convatlas import bundle
from convatlas.data import Preprocessing
from convatlas.deployment import METADATA_KEY, read_metadata
from convatlas.device._runtime import open_runtime
from convatlas.errors import UserError
from convatlas.evaluation import Predictor, predictor_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """What classifies images, and how an image is made ready for it."""

    name: str
    predict: Predictor
    classes: tuple[str, ...]
    preprocessing: Preprocessing

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of one input."""
        return (self.preprocessing.channels, self.preprocessing.side, self.preprocessing.side)

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Softmax of the logits of `images` [n, c, h, w]: float64 [n, k], rows sum to one."""
        logits = self.predict(images).astype(np.float64)
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)


def open_model(path: Path, *, threads: int = 1) -> Model:
    """The model in `path`: a bundle (a directory) or an ONNX file that convatlas wrote.

    Raises:
        UserError: if there is none, or the ONNX file does not say its classes.
    """
    if path.is_dir():
        loaded = bundle.load(path)
        return Model(
            name=loaded.info.name,
            predict=predictor_of(loaded.net, threads=threads),
            classes=tuple(loaded.info.classes),
            preprocessing=loaded.preprocessing,
        )
    if not path.exists():
        raise UserError(f"{str(path)!r} does not exist. Give a .bundle directory or an .onnx file.")
    stored = read_metadata(path).get(METADATA_KEY)
    if stored is None:
        raise UserError(
            f"{str(path)!r} does not say its classes and preprocessing, so it was not written by "
            "`convatlas export`. Give a file that was, or the bundle."
        )
    description = json.loads(stored)
    return Model(
        name=description["name"],
        predict=open_runtime(path, runtime="onnxruntime", threads=threads),
        classes=tuple(description["classes"]),
        preprocessing=Preprocessing.from_dict(description["preprocessing"]),
    )

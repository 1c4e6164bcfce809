"""A trained net ready to classify, from its bundle or from its ONNX file alone."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from convatlas import bundle
from convatlas.data import Preprocessing
from convatlas.deployment import read_metadata
from convatlas.device._description import described
from convatlas.device._onnx_file import onnx_shape
from convatlas.device._runtime import open_runtime
from convatlas.errors import UserError
from convatlas.evaluation import ClassMap, Predictor, ScoringModel, class_map_of, predictor_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """What classifies images, and how an image is made ready for it."""

    name: str
    predict: Predictor
    classes: tuple[str, ...]
    preprocessing: Preprocessing
    class_map: ClassMap | None = None  # of a bundle; a file that only classifies has none
    one_size: bool = False  # whether it takes images of that side only

    @property
    def scoring(self) -> ScoringModel:
        """As protocols use it."""
        return ScoringModel(
            name=self.name,
            classes=self.classes,
            preprocessing=self.preprocessing,
            predict=self.predict,
            class_map=self.class_map,
            one_size=self.one_size,
        )

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of one input."""
        return (self.preprocessing.channels, self.preprocessing.side, self.preprocessing.side)

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Softmax of the logits of `images` [n, c, h, w]: float64 [n, k], rows sum to one.

        Raises:
            UserError: if a logit is not finite.
        """
        logits = self.predict(images).astype(np.float64)
        if not np.isfinite(logits).all():
            raise UserError(
                f"The outputs of {self.name!r} are not finite, so they say no class. "
                "Its training went wrong; train again with a lower learning rate."
            )
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)


def open_model(path: Path, *, threads: int = 1) -> Model:
    """The model in `path`: a bundle (a directory) or an ONNX file that convatlas wrote.

    Raises:
        UserError: if there is none, or the ONNX file does not say its classes and preprocessing,
            or says others than its graph takes and gives.
    """
    if _is_directory(path):
        loaded = bundle.load(path)
        return Model(
            name=loaded.info.name,
            predict=predictor_of(loaded.net, threads=threads),
            classes=tuple(loaded.info.classes),
            preprocessing=loaded.preprocessing,
            class_map=_sliding(loaded, threads),
        )
    takes = onnx_shape(path)  # before the metadata: bounds the file's size
    description = described(path, read_metadata(path))
    model = Model(
        name=description.name,
        predict=open_runtime(path, runtime="onnxruntime", threads=threads),
        classes=tuple(description.classes),
        preprocessing=description.preprocessing.checked(path),
        one_size=True,
    )
    _check_fit(path, model, takes)
    return model


def _sliding(loaded: bundle.Bundle, threads: int) -> ClassMap:
    """The class map of a bundle's net, which is made when it is first asked for."""
    side, channels = loaded.preprocessing.side, loaded.preprocessing.channels

    @cache
    def mapper() -> ClassMap:
        return class_map_of(loaded.net, (channels, side, side), threads)

    return lambda images: mapper()(images)


def _is_directory(path: Path) -> bool:
    try:
        if path.exists():
            return path.is_dir()
        reason = "does not exist"
    except OSError as error:
        reason = f"cannot be read: {error.strerror}"
    raise UserError(f"{str(path)!r} {reason}. Give a .bundle directory or an .onnx file.")


def _check_fit(path: Path, model: Model, takes: tuple[int, int, int]) -> None:
    """Compare what the file says of itself with its graph, by one run on an empty image."""
    if takes != model.shape:
        raise UserError(
            f"{str(path)!r} takes images of {_sides(takes)}, but says that they are made as "
            f"{_sides(model.shape)}. It was changed after it was written; export it again."
        )
    logits = model.predict(np.zeros((1, *takes), np.float32))
    wanted = (1, len(model.classes))
    if not isinstance(logits, np.ndarray) or logits.dtype != np.float32 or logits.shape != wanted:
        is_array = isinstance(logits, np.ndarray)
        gives = f"{logits.dtype} {logits.shape}" if is_array else f"a {type(logits).__name__}"
        raise UserError(
            f"{str(path)!r} names {len(model.classes)} classes, but gives {gives} for one image "
            f"instead of float32 {wanted}. It was changed after it was written; export it again."
        )


def _sides(shape: tuple[int, int, int]) -> str:
    return "x".join(map(str, shape))

"""A training small enough to be repeated hundreds of times: 8x8 images, four classes."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from torch import nn

from convatlas.data import Augmentation, Preprocessing, StoredPixels
from convatlas.models import family_of, spec_of
from convatlas.training import Recipe, TrainingResult, train

CLASSES = 4
PREPROCESSING = Preprocessing(side=8, channels=1, mean=(0.5,), std=(0.25,))
RECIPE = Recipe(
    learning_rate=0.05,
    batch_size=16,
    steps=20,
    augmentation=Augmentation(flip=True, shift=0.125),
    seed=3,
)


def images(n: int, *, side: int = 8, seed: int = 0, name: str = "train") -> StoredPixels:
    """Noise, brighter for higher classes, so that there is something to learn."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, CLASSES, n)
    noise = random.normal(0, 25, (n, side, side, 1))
    pixels = np.clip(noise + 40 + 50 * labels[:, None, None, None], 0, 255).astype(np.uint8)
    names = [f"{name}/{label}/{i:03d}.png" for i, label in enumerate(labels)]
    return StoredPixels(labels=labels.astype(np.int64), names=names, images=pixels)


@dataclass(frozen=True)
class Small:
    """One training; `run(folder)` starts it or goes on with it."""

    variant: str = "resnet8_small"
    width: float = 0.25
    recipe: Recipe = RECIPE
    train: StoredPixels = field(default_factory=lambda: images(50))
    val: StoredPixels | None = field(default_factory=lambda: images(30, seed=1, name="val"))
    changes: dict[str, object] = field(default_factory=dict)

    def run(
        self,
        folder: Path,
        *,
        progress: Callable[[str, int, int], None] | None = None,
        checkpoint_seconds: float = 1000.0,
        threads: int | None = 1,
    ) -> TrainingResult:
        spec = spec_of(
            self.variant,
            input_side=8,
            in_channels=1,
            num_classes=CLASSES,
            width_multiplier=self.width,
        )
        return train(
            family_of(self.variant).name,
            self.variant,
            replace(spec, **self.changes),
            self.train,
            self.val,
            PREPROCESSING,
            self.recipe,
            folder,
            threads=threads,
            checkpoint_seconds=checkpoint_seconds,
            progress=progress,
        )


def digest(net: nn.Module) -> str:
    """SHA-256 over the names and bytes of all parameters and buffers."""
    found = hashlib.sha256()
    for name, tensor in net.state_dict().items():
        found.update(name.encode() + tensor.numpy().tobytes())
    return found.hexdigest()


class Breaker:
    """A progress callback that raises `error` once `step` steps are done."""

    def __init__(self, step: int, error: type[BaseException]) -> None:
        self.step = step
        self.error = error

    def __call__(self, phase: str, done: int, total: int) -> None:
        if phase == "training" and done == self.step:
            raise self.error

"""Which precision trains a net faster on a device: measured, since it may be either."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, is_dataclass, replace
from pathlib import Path
from statistics import median
from time import monotonic
from typing import Any, get_args

import torch

from convatlas.files import write_json
from convatlas.models import Spec, from_spec
from convatlas.training._learner import Learner
from convatlas.training._recipe import Recipe
from convatlas.training._recipe_fields import Precision
from convatlas.training._surroundings import borrowed
from convatlas.training._world import World

_GAIN = 1.1  # mixed precision must be so much faster: it costs digits
_CPU_PIXELS = 2**18  # of a batch: 256 images of 32x32, 5 of 224x224; the ratio hardly depends on it
_LEAST = 3  # steps of each precision
_FILE = "precision.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class PrecisionTimes:
    """Seconds of a step in each precision on one device, and what they say."""

    device: str
    threads: int
    images: int  # in a measured step
    steps: int  # of each precision, taken in turns
    float32_s: float  # median
    bfloat16_s: float  # median
    gain: float  # how many times as fast bfloat16 is: median over the turns

    @property
    def chosen(self) -> Precision:
        """bfloat16 if it is a tenth faster at least."""
        return "bfloat16" if self.gain >= _GAIN else "float32"


def precision_that_pays(
    family: str,
    spec: Mapping[str, Any] | Spec,
    recipe: Recipe,
    *,
    threads: int,
    seconds: float = 10.0,
    device: torch.device | None = None,
) -> PrecisionTimes:
    """Steps of both precisions by turns, of one net, on random images of one micro-batch.

    On a CPU, where a step's time follows its images, the batch is smaller for large images. The
    steps are those without torch.compile and without a teacher.

    Args:
        seconds: about how long; at least three steps of each are taken, after one to warm up.
        device: None: the CPU.
    """
    fields = asdict(spec) if is_dataclass(spec) else dict(spec)
    world = World(device=device or torch.device("cpu"))
    part = _part(recipe, fields["input_side"], world.device)
    recipe = replace(recipe, batch_size=part, micro_batches=1)
    shape = (part, fields["in_channels"], fields["input_side"], fields["input_side"])
    with borrowed(threads, seed=recipe.seed, device=world.device):
        learner = Learner(from_spec(family, fields), recipe, world=world)
        images = torch.randn(shape).to(world.device, memory_format=torch.channels_last)
        labels = (torch.arange(part) % fields["num_classes"]).to(world.device)
        times: dict[Precision, list[float]] = {one: [] for one in get_args(Precision)}
        begun = monotonic()
        while len(times["float32"]) <= _LEAST or monotonic() - begun < seconds:
            for precision, taken in times.items():
                learner.recipe = replace(recipe, precision=precision)
                taken.append(_step_seconds(learner, images, labels))
    float32, bfloat16 = (times[one][1:] for one in ("float32", "bfloat16"))
    return PrecisionTimes(
        device=str(world.device),
        threads=threads,
        images=part,
        steps=len(float32),
        float32_s=median(float32),
        bfloat16_s=median(bfloat16),
        gain=median(a / b for a, b in zip(float32, bfloat16, strict=True)),
    )


def remembered_precision(out: Path, measure: Callable[[], PrecisionTimes]) -> Precision:
    """What `measure` chose when the run in `out` was begun: measured again it might be another."""
    path = out / _FILE
    try:
        chosen = json.loads(path.read_bytes())["chosen"]
    except (OSError, ValueError, LookupError, TypeError):
        chosen = None
    if chosen == "float32" or chosen == "bfloat16":
        return chosen
    times = measure()
    write_json(path, {"chosen": times.chosen, **asdict(times)})
    return times.chosen


def _part(recipe: Recipe, side: int, device: torch.device) -> int:
    part = max(2, recipe.batch_size // recipe.micro_batches)
    return part if device.type != "cpu" else max(2, min(part, _CPU_PIXELS // side**2))


def _step_seconds(learner: Learner, images: torch.Tensor, labels: torch.Tensor) -> float:
    """Of the whole step: a device is waited for before and after."""
    _wait(learner.world.device)
    start = monotonic()
    learner.learn(0, images, labels)
    _wait(learner.world.device)
    return monotonic() - start


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)

"""The same steps by one process or by several: `python -m tests.training.shared_steps FOLDER`."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from convatlas.models import build, family_of, spec_of
from convatlas.training import Learner, Recipe, World, joined, train
from convatlas.training._batches import Batches
from tests.training.small import CLASSES, PREPROCESSING, RECIPE, images

PLAIN = replace(RECIPE, steps=8, learning_rate=0.02)
SYNCED = replace(PLAIN, sync_norms=True)
STEPS = 4
IN_BOTH = ("no norms", "batch norm")  # with float32, too


class TwoHeads(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 4, 3)
        self.classifier = nn.Linear(4, CLASSES)
        self.aux = nn.Linear(4, CLASSES)

    def forward(self, x):
        return self.forward_with_aux(x)[0]

    def forward_with_aux(self, x):
        x = self.stem(x).relu().mean((2, 3))
        return self.classifier(x), [self.aux(x)]


def _built(name: str, **changes: object) -> Callable[[], nn.Module]:
    fixed = {"input_side": 8, "in_channels": 1, "num_classes": CLASSES}
    return lambda: build(name, **fixed, **changes)


_resnet = _built("resnet8_small", width_multiplier=0.25)
_lenet = _built("lenet5_small")
_dropped = _built("resnet20_cifar", survival=0.3, units_per_stage=1, widths=(4, 8, 8))
_condensing = _built("condensenet50", depths=(1, 1), growth_rates=(8, 8))
CASES: dict[str, tuple[Callable[[], nn.Module], Recipe]] = {
    "no norms": (_lenet, PLAIN),
    "no norms, clipped, micro-batches": (
        _lenet,
        replace(PLAIN, micro_batches=4, gradient_clip=0.5),
    ),
    "batch norm": (_resnet, SYNCED),
    "auxiliary head": (TwoHeads, PLAIN),
    "auxiliary head without weight": (TwoHeads, replace(PLAIN, auxiliary_weight=0.0)),
    "stochastic depth": (_dropped, SYNCED),
    "stochastic depth, micro-batches": (_dropped, replace(SYNCED, micro_batches=2)),
    "condensing layers": (_condensing, SYNCED),
    "class weights": (_lenet, replace(PLAIN, class_weights="inverse")),
}


@dataclass(frozen=True)
class Steps:
    losses: list[float]
    tensors: dict[str, Tensor]


def kinds(name: str) -> tuple[torch.dtype, ...]:
    return (torch.float64, torch.float32) if name in IN_BOTH else (torch.float64,)


def steps(name: str, world: World, dtype: torch.dtype) -> Steps:
    """What a case's net, optimizer and average have become, and the losses of its steps."""
    make, recipe = CASES[name]
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        torch.manual_seed(0)
        weights = torch.arange(1.0, CLASSES + 1) if recipe.class_weights != "none" else None
        learner = Learner(make(), recipe, world=world, class_weights=weights)
        batches = Batches(images(50), PREPROCESSING, recipe, world)
        losses = []
        for step in range(STEPS):
            batch = batches.make(step)
            order = torch.arange(len(batch.labels))
            if world.alone and recipe.micro_batches == 2:  # parts as two processes have them
                order = order.reshape(2, 2, -1).transpose(0, 1).flatten()
            loss = learner.learn(step, batch.images[order].to(dtype), batch.labels[order])
            losses.append(world.summed(loss)[0] / world.size)
        return Steps(losses, {name: t.clone() for name, t in learner.tensors().items()})
    finally:
        torch.set_default_dtype(before)


def run(folder: Path, world: World) -> None:
    """A whole training with 31 validation images, which two processes cannot share equally."""
    fixed = {"input_side": 8, "in_channels": 1, "num_classes": CLASSES}
    train(
        family_of("lenet5_small").name,
        "lenet5_small",
        spec_of("lenet5_small", **fixed),
        images(50),
        images(31, seed=1, name="val"),
        PREPROCESSING,
        RECIPE,
        folder,
        threads=1,
        world=world,
    )


def main() -> None:
    folder = Path(sys.argv[1])
    torch.set_num_threads(1)
    with joined() as world:
        for number, name in enumerate(CASES):
            for dtype in kinds(name):
                found = steps(name, world, dtype)
                place = folder / f"{number}-{str(dtype)[6:]}-{world.rank}"
                tensors = {key: t.contiguous() for key, t in found.tensors.items()}
                save_file(tensors, f"{place}.safetensors")
                Path(f"{place}.json").write_text(json.dumps(found.losses))
        run(folder / "run", world)


if __name__ == "__main__":
    main()

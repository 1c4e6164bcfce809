"""A training with dropout, also as a process: folder, steps, pause after a step, seconds."""

import sys
import time
from dataclasses import replace
from pathlib import Path

import torch

from convatlas.training import TrainingResult, _surroundings
from tests.training.small import RECIPE, Small


def job(folder: Path, *, steps: int, **options) -> TrainingResult:
    recipe = replace(RECIPE, learning_rate=0.01, steps=steps)
    return Small("alexnet_small", 0.125, recipe).run(folder, **options)


def main() -> int:
    folder, steps, pause, seconds = sys.argv[1:]
    torch.set_num_threads(1)
    _surroundings._PROGRESS_S = 0.0

    def progress(phase: str, done: int, total: int) -> None:
        print("step", done, flush=True)
        time.sleep(float(pause))

    try:
        job(Path(folder), steps=int(steps), progress=progress, checkpoint_seconds=float(seconds))
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())

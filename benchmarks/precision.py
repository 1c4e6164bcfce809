"""A training step in bfloat16 against float32, by turns: what `--precision auto` chooses here.

The step is a run's whole one (forward, loss, backward, optimizer, average) on random images. What
it gives depends on the processor: bfloat16 may be faster where there are instructions for it.
Run it on a quiet machine:

    python benchmarks/precision.py --threads 2 --seconds 20
"""

import argparse
import json
import platform
from dataclasses import asdict

import torch

from convatlas import models
from convatlas.training import Recipe, precision_that_pays

NETS = (  # variant, side, images in a step
    ("lenet5_small", 28, 128),
    ("resnet20_cifar", 32, 128),
    ("mobilenet_v1_small", 32, 128),
    ("densenet_bc_22_small", 32, 64),
    ("resnet18", 64, 32),
    ("resnet50", 224, 32),
    ("mobilenet_v2", 224, 32),
    ("shufflenet_v2_x1_0", 224, 32),
    ("vgg_a", 224, 32),
)


def main():
    """Print a row for every net, and all as JSON where asked."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--nets", nargs="*", help="of those in the file; all")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    rows = []
    for variant, side, images in NETS:
        if asked.nets and variant not in asked.nets:
            continue
        family = models.family_of(variant)
        spec = models.spec_of(variant, input_side=side, num_classes=10)
        recipe = Recipe(batch_size=images)
        times = precision_that_pays(
            family.name, spec, recipe,
            threads=asked.threads, seconds=asked.seconds, device=device,
        )  # fmt: skip
        rows.append({"net": variant, "side": side, **asdict(times), "chosen": times.chosen})
        if not asked.json:
            print(
                f"{variant:24} {side:4} x{times.images:<4} {1000 * times.float32_s:9.1f} ms "
                f"{1000 * times.bfloat16_s:9.1f} ms  {times.gain:5.2f}x  {times.chosen}",
                flush=True,
            )
    if asked.json:
        cpu = torch.backends.cpu.get_cpu_capability()
        conditions = {"torch": torch.__version__, "machine": platform.machine(), "cpu": cpu}
        print(json.dumps({**conditions, "rows": rows}, indent=1))


if __name__ == "__main__":
    main()

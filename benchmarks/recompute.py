"""Training steps that recompute activations by stage or block: docs/recompute.md.

Every way trains in a fresh process, one step at a time in turn with the others of its net. The
processes are those of `densenet_memory.py`'s method. Takes about ten minutes on two quiet cores.

    OMP_NUM_THREADS=1 python benchmarks/recompute.py --log steps.jsonl
"""

import argparse
import json
import platform
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

import torch
from densenet_memory import asked, highest, process_memory
from training_memory import allocations, loss_of, table

from convatlas import models
from convatlas.analysis.training_memory import training_memory
from convatlas.training._recompute_stages import parts_of, recomputed

PAGE = Path(__file__).parents[1] / "docs" / "recompute.md"
NETS = (("resnet50", 8, 224), ("mobilenet_v2", 8, 224), ("inception_v3", 4, 299), ("vgg_d", 4, 224))
GRAINS = ("none", "stages", "blocks")


@dataclass(frozen=True)
class Found:
    """What a way of training took, in bytes and seconds; medians of the steps after the first."""

    net: str
    batch: int
    side: int
    grain: str
    parts: int
    resident: int
    allocated: int
    seconds: float
    cpu_seconds: float
    losses: list[float]


def work(name, batch, side, grain):
    torch.manual_seed(0)
    net = models.build(name).train().to(memory_format=torch.channels_last)
    images = torch.randn(batch, 3, side, side).to(memory_format=torch.channels_last)
    labels = torch.arange(batch)
    learner = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9, fused=True)
    seeds = iter(range(10**6))

    def step():
        torch.manual_seed(next(seeds))
        learner.zero_grad(set_to_none=True)
        with recomputed(net, grain):
            loss = loss_of(net, images, labels)
        loss.backward()
        learner.step()
        return loss.item()

    print(json.dumps(len(parts_of(net, grain))), flush=True)
    before = process_memory("VmRSS")
    for line in sys.stdin:
        if line.strip() == "allocated":
            learner.zero_grad(set_to_none=True)
            answer = highest(allocations(step))
        else:
            begin, cpu = perf_counter(), process_time()
            loss = step()
            seconds, cpu_seconds = perf_counter() - begin, process_time() - cpu
            answer = [seconds, cpu_seconds, process_memory("VmHWM") - before, loss]
        print(json.dumps(answer), flush=True)


def started(*job):
    return subprocess.Popen(
        [sys.executable, __file__, "--job", json.dumps(job)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def measured(name, batch, side, rounds):
    processes = [started(name, batch, side, grain) for grain in GRAINS]
    parts = [json.loads(process.stdout.readline()) for process in processes]
    steps = [[asked(process, "step") for process in processes] for _ in range(rounds)]
    found = []
    for place, process in enumerate(processes):
        own = [step[place] for step in steps]
        seconds, cpu_seconds = (median(s[i] for s in own[1:]) for i in (0, 1))
        allocated = asked(process, "allocated")
        found.append(
            Found(
                name, batch, side, GRAINS[place], parts[place], own[-1][2], allocated, seconds,
                cpu_seconds, [s[3] for s in own],
            )
        )  # fmt: skip
        process.stdin.close()
        process.wait()
    return found


def rows(found):
    plain = found[0]
    for f in found:
        yield [
            f"{f.net}, batch {f.batch}, {f.side} x {f.side}",
            f.grain,
            f.parts,
            f"{f.allocated / 1e6:,.0f}",
            f"{f.allocated / plain.allocated:.2f}",
            f"{f.resident / 1e6:,.0f}",
            f"{f.resident / plain.resident:.2f}",
            f"{f.cpu_seconds:.2f}",
            f"{f.cpu_seconds / plain.cpu_seconds:.2f}",
            f"{f.seconds:.2f}",
            "the same" if f.losses == plain.losses else "other",
        ]


def predicted(found):
    """What `convatlas cost --train` says of a step without recomputing, and the measured one."""
    plain = found[0]
    net = models.build(plain.net)
    shape = (3, plain.side, plain.side)
    told = training_memory(net, shape, batch=plain.batch, optimizer="momentum")
    before = told.weights_bytes + told.buffer_bytes + told.optimizer_bytes + told.input_bytes
    return f"{plain.net} {(told.peak_bytes - before) / plain.allocated:.3f}"


TEXT = """# Recomputing activations by stage or block

`recompute: stages` or `blocks` in a recipe. This page is made by `benchmarks/recompute.py`.

A step keeps what goes into each part of a net's stages and runs the part once more when its
gradient is computed. "stages" takes the children of `net.stages` as parts, "blocks" the children of
these where they are made of blocks. Random layers draw the same numbers again; running statistics
take in a batch once.

## Conditions
{conditions}

A step is zero_grad, forward, cross-entropy (auxiliary heads with their losses), backward and SGD
with momentum (fused), channels last. Every row trained in a fresh process, the rows of a net in
turn, {steps} steps each; times are medians of the steps after the first. "Allocated" is the most
that torch's CPU allocator gave out in a step above what existed before it, "resident" how far the
process's memory rose over its first steps. Losses are those of all steps, compared bit by bit.

{rows}

## What the prediction knows
`convatlas cost NET --train` predicts the step without recomputing. It does not know `recompute`;
the factors above say what that takes away. Predicted / measured of the first row of each net:

{predicted}
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--job", help="for the processes that this one starts")
    parser.add_argument("--log", type=Path, help="JSON lines; nets in it are not run again")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--nets", type=int, default=len(NETS), help="the first so many only")
    arguments = parser.parse_args()
    if arguments.job:
        work(*json.loads(arguments.job))
        return
    done = []
    if arguments.log and arguments.log.exists():
        for line in arguments.log.read_text().splitlines():
            done.append([Found(**found) for found in json.loads(line)])
    for net in NETS[len(done) : arguments.nets]:
        done.append(measured(*net, arguments.rounds))
        if arguments.log:
            with arguments.log.open("a") as log:
                log.write(json.dumps([asdict(found) for found in done[-1]]) + "\n")
    head = ["net", "recompute", "parts", "allocated MB", "x", "resident MB", "x", "CPU s", "x"]
    PAGE.write_text(
        TEXT.format(
            conditions=(
                f"torch {torch.__version__}, {torch.get_num_threads()} thread, "
                f"{torch.backends.cpu.get_cpu_capability()} ({platform.machine()}), float32; "
                "the machine was busy with other work."
            ),
            steps=len(done[0][0].losses),
            rows=table([*head, "wall s", "losses"], [r for found in done for r in rows(found)]),
            predicted=", ".join(map(predicted, done)),
        )
    )


if __name__ == "__main__":
    main()

"""DenseNets in little memory, beside torchvision's `memory_efficient`: docs/densenet_memory.md.

Every net trains in a fresh process of its own, one step at a time, in turn with the other nets of
its group, so that what else the machine does meets all alike. Takes about fifteen minutes on two
quiet cores and up to 6 GB. torchvision is needed, and only here.

    OMP_NUM_THREADS=1 python benchmarks/densenet_memory.py --log steps.jsonl
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
from torch import nn
from torch.nn import functional as F
from training_memory import allocations, table

from convatlas import models

PAGE = Path(__file__).parents[1] / "docs" / "densenet_memory.md"
COMPARED = (  # net, depth of a block, batch, side, order of channels in memory
    ("densenet121", 0, 16, 224, "last"),
    ("densenet121", 0, 16, 224, "first"),
    ("densenet_bc_100_k12", 16, 64, 32, "last"),
)
ORDERS = ("last", "first")
KINDS = (("ours", False), ("ours", True), ("torchvision", False), ("torchvision", True))
DEPTHS = (40, 64, 100, 160)
DEPTH_BATCH = 16
GROWTH_RATE = 12


@dataclass(frozen=True)
class Job:
    """What one process trains."""

    net: str
    depth: int  # dense layers of each of three blocks; 0: densenet121
    batch: int
    side: int
    order: str
    whose: str
    efficient: bool


@dataclass(frozen=True)
class Found:
    """What it took, in bytes and seconds; medians are over the steps after the first."""

    job: Job
    steps: int
    resident: int  # how far the process's memory rose above what it had before the first step
    allocated: int  # the same of what torch's allocator gave out, in a later step
    seconds: float
    cpu_seconds: float
    loss: float  # of the first step
    gradient: float  # norm of all gradients of the first step


def built(job):
    net = ours(job) if job.whose == "ours" else theirs(job)
    torch.manual_seed(0)
    with torch.no_grad():
        for p in net.parameters():  # both libraries' nets have them in one order
            if p.dim() > 1:
                p.normal_(std=(2 / p[0].numel()) ** 0.5)
    return net.train()


def ours(job):
    changes = {} if not job.depth else {"depths": (job.depth,) * 3}
    return models.build(job.net, memory_efficient=job.efficient, **changes)


def theirs(job):
    # A torchvision wheel beside a CPU-only torch imports once these two operators are declared.
    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    from torchvision.models.densenet import DenseNet

    if not job.depth:
        return DenseNet(memory_efficient=job.efficient)
    k = GROWTH_RATE
    net = DenseNet(k, (job.depth,) * 3, 2 * k, num_classes=10, memory_efficient=job.efficient)
    for name in ("norm0", "relu0", "pool0"):
        delattr(net.features, name)
    net.features.conv0 = nn.Conv2d(3, 2 * k, 3, padding=1, bias=False)
    return net


def work(job):
    """Answer "step" and "allocated" on standard input, a line each."""
    order = torch.channels_last if job.order == "last" else torch.contiguous_format
    net = built(job).to(memory_format=order)
    images = torch.randn(job.batch, 3, job.side, job.side).to(memory_format=order)
    labels = torch.arange(job.batch) % 10
    learner = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9, fused=True)

    def step():
        learner.zero_grad(set_to_none=True)
        loss = F.cross_entropy(net(images), labels)
        loss.backward()
        learner.step()
        return loss.item()

    before = process_memory("VmRSS")
    for line in sys.stdin:
        if line.strip() == "allocated":
            learner.zero_grad(set_to_none=True)
            answer = highest(allocations(step))
        else:
            begin, cpu = perf_counter(), process_time()
            loss = step()
            seconds, cpu_seconds = perf_counter() - begin, process_time() - cpu
            norm = torch.stack([p.grad.double().norm() for p in net.parameters()]).norm().item()
            resident = process_memory("VmHWM") - before
            answer = [seconds, cpu_seconds, resident, loss, norm]
        print(json.dumps(answer), flush=True)


def highest(sizes):
    live = peak = 0
    for size in sizes:
        live += size
        peak = max(peak, live)
    return peak


def process_memory(field):
    """Bytes; VmHWM is the most that VmRSS ever was, and unlike ru_maxrss no parent's."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


def started(job):
    return subprocess.Popen(
        [sys.executable, __file__, "--job", json.dumps(asdict(job))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def asked(process, what):
    process.stdin.write(f"{what}\n")
    process.stdin.flush()
    return json.loads(process.stdout.readline())


def measured(jobs, rounds):
    """The jobs' steps in turn."""
    processes = [started(job) for job in jobs]
    steps = [[asked(process, "step") for process in processes] for _ in range(rounds)]
    found = []
    for place, (job, process) in enumerate(zip(jobs, processes, strict=True)):
        own = [step[place] for step in steps]
        seconds, cpu_seconds = (median(s[i] for s in own[1:]) for i in (0, 1))
        found.append(
            Found(
                job, rounds, own[-1][2], asked(process, "allocated"), seconds, cpu_seconds,
                own[0][3], own[0][4],
            )
        )  # fmt: skip
        process.stdin.close()
        process.wait()
    return found


def groups():
    for compared in COMPARED:
        yield [Job(*compared, *kind) for kind in KINDS]
    for depth in DEPTHS:
        each = (depth - 4) // 6
        yield [
            Job("densenet_bc_100_k12", each, DEPTH_BATCH, 32, "last", *kind)
            for kind in (KINDS[0], KINDS[1], KINDS[3])
        ]


def label(job):
    return job.whose + (", memory-efficient" if job.efficient else "")


def gradient(order, precision, efficient):
    """All gradients of the first step on four small images, in one row."""
    job = Job("densenet121", 0, 4, 96, order, "ours", efficient)
    layout = torch.channels_last if order == "last" else torch.contiguous_format
    net = built(job).to(precision, memory_format=layout)
    images = torch.randn(4, 3, 96, 96).to(precision, memory_format=layout)
    F.cross_entropy(net(images), torch.arange(4)).backward()
    return torch.cat([p.grad.contiguous().flatten().double() for p in net.parameters()])


def precision_table():
    exact = gradient("first", torch.float64, False)
    rows = []
    for precision in (torch.float32, torch.float64):
        for order in ORDERS:
            found = (gradient(order, precision, efficient) for efficient in (False, True))
            distances = [f"{float((g - exact).norm() / exact.norm()):.1e}" for g in found]
            rows.append([str(precision).removeprefix("torch."), order, *distances])
    return table(["precision", "channels", "plain", "memory-efficient"], rows)


def compared_table(found):
    plain = next(f for f in found if (f.job.whose, f.job.efficient) == ("torchvision", False))
    rows = [
        [
            label(f.job),
            f"{f.allocated / 1e6:,.0f}",
            f"{f.allocated / plain.allocated:.2f}",
            f"{f.resident / 1e6:,.0f}",
            f"{f.resident / plain.resident:.2f}",
            f"{f.cpu_seconds:.2f}",
            f"{f.cpu_seconds / plain.cpu_seconds:.2f}",
            f"{f.seconds:.2f}",
            f"{f.loss:.5f}",
            f"{f.gradient:.5f}",
        ]
        for f in found
    ]
    head = ["step", "allocated MB", "x", "resident MB", "x", "CPU s", "x", "wall s", "loss"]
    return table([*head, "norm of gradients"], rows)


def depth_table(groups_of_found):
    rows = []
    for group in groups_of_found:
        layers = 6 * group[0].job.depth + 4
        plain, own, other = (f.allocated for f in group)
        rows.append(
            [
                layers,
                f"{plain / 1e6:,.0f}",
                f"{plain / layers**2 / 1e3:,.0f}",
                f"{other / 1e6:,.0f}",
                f"{other / layers / 1e6:.2f}",
                f"{own / 1e6:,.0f}",
                f"{own / layers / 1e6:.2f}",
                f"{group[1].cpu_seconds / group[2].cpu_seconds:.2f}",
            ]
        )
    head = ["depth L", "plain MB", "kB / L^2", "torchvision's MB", "MB / L", "ours MB", "MB / L"]
    return table([*head, "CPU s, ours / torchvision's"], rows)


TEXT = """# DenseNets trained in little memory

`memory_efficient=True` in a DenseNet's spec. This page is made by `benchmarks/densenet_memory.py`.

A plain step keeps the joined input of every layer and its normalised copy, which grows with the
square of the depth. Ours keeps the maps of a block once, in the one tensor that is its output, and
what lies between a layer's two convolutions; a channel's mean and variance are found once, where
the channel is made; normalised maps are made for a few images at a time, just before the
convolution reads them, in the forward pass and again in the backward pass. torchvision's switch
runs joining, batch norm, ReLU and the first convolution again as a whole.

## Conditions
{conditions}

A step is zero_grad, forward, cross-entropy, backward and SGD with momentum (fused). Every row
trained in a fresh process, all rows of a table in turn, {steps} steps each; times are medians of
the steps after the first, of the process's CPU time and of the clock, factors are of torchvision's
plain step. Weights, images and labels are the same. "Allocated" is the most that torch's CPU
allocator gave out in a step, above what existed before it; "resident" how far the process's memory
rose over its first steps, which the C library's unused pieces and oneDNN's own memory add to.

{compared}

The loss and the norm of all gradients are the first step's. torchvision's recomputation passes
every batch through its first batch norms twice, so their running statistics move twice a step; ours
move once.

## Gradients
DenseNet-121, four images of 96 x 96: how far all gradients of a step are from those of the plain
step in double precision, as a share of their length. In double precision all agree. In single
precision roundings of another order move a few inputs of ReLUs across zero, which shows in the
layers before; the plain step's two orders of memory are as far apart.

{precision}

## Over the depth
DenseNet-BC with k = 12 on 32 x 32 images, batch {batch}, channels last; allocated in a step.

{depths}
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--job", help="for the processes that this one starts")
    parser.add_argument("--log", type=Path, help="JSON lines; groups in it are not run again")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--page", action="store_true", help="of what the log holds, run nothing")
    arguments = parser.parse_args()
    if arguments.job:
        work(Job(**json.loads(arguments.job)))
        return
    done = []
    if arguments.log and arguments.log.exists():
        for line in arguments.log.read_text().splitlines():
            done.append([Found(**{**f, "job": Job(**f["job"])}) for f in json.loads(line)])
    for place, jobs in enumerate(groups()):
        if place >= len(done) and not arguments.page:
            done.append(measured(jobs, arguments.rounds))
            for found in done[-1]:
                print(found, flush=True)
            if arguments.log:
                with arguments.log.open("a") as log:
                    log.write(json.dumps([asdict(found) for found in done[-1]]) + "\n")
    count = len(COMPARED)
    compared = [
        f"## {group[0].job.net}, batch {group[0].job.batch}, {group[0].job.side} x "
        f"{group[0].job.side}, channels {group[0].job.order}\n\n{compared_table(group)}"
        for group in done[:count]
    ]
    from importlib.metadata import version

    PAGE.write_text(
        TEXT.format(
            conditions=(
                f"torch {torch.__version__}, torchvision {version('torchvision')}, "
                f"{torch.get_num_threads()} thread, {torch.backends.cpu.get_cpu_capability()} "
                f"({platform.machine()}), float32;\nthe machine was busy with other work."
            ),
            steps=done[0][0].steps,
            compared="\n\n".join(compared),
            precision=precision_table(),
            batch=DEPTH_BATCH,
            depths=depth_table(done[count:]),
        )
    )


if __name__ == "__main__":
    main()

"""Predicted training memory beside what torch's CPU allocator reports: docs/training_memory.md.

The second step of a training is profiled; every allocation and release is read from the profiler's
events and added up, starting from what exists before the step: weights, buffers, the optimizer's
state, images and labels. Takes about fifteen minutes on two cores and up to 8 GB.

    OMP_NUM_THREADS=2 python benchmarks/training_memory.py
"""

import argparse
import json
import platform
from dataclasses import dataclass
from pathlib import Path

import torch
from torch._C._profiler import _EventType
from torch.nn import functional as F
from torch.profiler import ProfilerActivity, profile

from convatlas import analysis, models
from convatlas.analysis.training_memory import Conditions, hand_sum, training_memory

PAGE = Path(__file__).parents[1] / "docs" / "training_memory.md"
AUXILIARY_WEIGHT = 0.3
OPTIMIZERS = {
    "sgd": (torch.optim.SGD, {}),
    "momentum": (torch.optim.SGD, {"momentum": 0.9}),
    "adam": (torch.optim.Adam, {}),
    "adamw": (torch.optim.AdamW, {}),
    "rmsprop": (torch.optim.RMSprop, {}),
}
SMALL = (  # net, side, changes of its spec
    ("resnet50", 96, {}),
    ("preresnet50", 96, {}),
    ("resnet56_cifar", 32, {}),
    ("vgg_d", 64, {"input_side": 64}),
    ("densenet121", 96, {}),
    ("densenet_40_k12", 32, {}),
    ("densenet_40_k12", 32, {"memory_efficient": True}),
    ("mobilenet_v2", 96, {"input_side": 96}),
    ("shufflenet_v2_x1_0", 96, {}),
    ("squeezenet_1_1", 96, {}),
    ("alexnet", 99, {"input_side": 99}),
    ("se_resnet50", 96, {}),
    ("efficientnet_b0", 96, {"input_side": 96}),
    ("nasnet_a_4_1056", 96, {"input_side": 96}),
    ("condensenet74", 64, {"input_side": 64}),
    ("xception", 96, {}),
    ("igcv3_d", 96, {}),
)
RUNS = ((2, "adam"), (8, "momentum"), (64, "rmsprop"))
OTHERS = (  # net, side, changes, batch, optimizer, channels last
    ("resnet50", 96, {}, 1, "momentum", True),
    ("vgg_a", 64, {"input_side": 64}, 1, "sgd", True),
    ("resnet50", 224, {}, 16, "momentum", True),
    ("mobilenet_v2", 224, {}, 32, "rmsprop", True),
    ("densenet121", 224, {}, 8, "adamw", False),
    ("vgg_d", 224, {}, 4, "adam", True),
    ("googlenet", 224, {}, 2, "adam", True),
    ("googlenet", 224, {}, 16, "momentum", False),
    ("inception_v3", 299, {}, 2, "rmsprop", True),
    ("inception_v3", 299, {}, 8, "momentum", False),
)
HEAVY = ("condensenet74", "xception", "nasnet_a_4_1056")  # whose largest batch is 16
DEPTHS = (22, 40, 70, 100, 160, 250)


@dataclass(frozen=True)
class Point:
    """One measurement."""

    net: str
    side: int
    batch: int
    optimizer: str
    order: str
    predicted: int
    measured: int


def points():
    for place, (name, side, changes) in enumerate(SMALL):
        for turn, (batch, optimizer) in enumerate(RUNS):
            most = 16 if name in HEAVY else batch
            yield name, side, changes, min(batch, most), optimizer, (place + turn) % 3 > 0
    yield from OTHERS


def allocations(run):
    """Signed bytes of every allocation and release while `run` runs, in order of time."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        run()
    found, waiting = [], list(profiler.profiler.kineto_results.experimental_event_tree())
    while waiting:
        event = waiting.pop()
        if event.tag == _EventType.Allocation:
            found.append((event.start_time_ns, event.extra_fields.alloc_size))
        waiting.extend(event.children)
    return [size for _, size in sorted(found, key=lambda pair: pair[0])]


def loss_of(net, images, labels):
    if not hasattr(net, "forward_with_aux"):
        return F.cross_entropy(net(images), labels)
    logits, heads = net.forward_with_aux(images)
    loss = F.cross_entropy(logits, labels)
    for head in heads:
        loss = loss + AUXILIARY_WEIGHT * F.cross_entropy(head, labels)
    return loss


def measured_peak(net, shape, *, batch, optimizer, conditions, autocast=None):
    """Bytes at the peak of a step after the first, and bytes that autograd saved in it."""
    kind, settings = OPTIMIZERS[optimizer]
    kernels = {"foreach": conditions.step == "foreach"}
    if conditions.step == "fused" and kind is not torch.optim.RMSprop:
        kernels = {"fused": True}
    order = torch.channels_last if conditions.channels_last else torch.contiguous_format
    net = net.train().to(memory_format=order)
    learner = kind(net.parameters(), lr=1e-5, weight_decay=1e-4, **settings, **kernels)
    images = torch.randn(batch, *shape).to(memory_format=order)
    labels = torch.zeros(batch, dtype=torch.long)

    def step(few=batch):
        learner.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=autocast, enabled=autocast is not None):
            loss = loss_of(net, images[:few], labels[:few])
        loss.backward()
        learner.step()

    step(min(batch, 2))
    learner.zero_grad(set_to_none=True)
    state = [t for values in learner.state.values() for t in values.values()]
    before = storage_bytes([*net.parameters(), *net.buffers(), *state, images, labels])
    live, peak = before, before
    for size in allocations(step):
        live += size
        peak = max(peak, live)
    return peak


def saved_bytes(net, shape, *, batch, conditions):
    """Bytes of the storages that autograd saves in a forward pass, without parameters."""
    order = torch.channels_last if conditions.channels_last else torch.contiguous_format
    net = net.train().to(memory_format=order)
    images = torch.randn(batch, *shape).to(memory_format=order)
    labels = torch.zeros(batch, dtype=torch.long)
    found = []

    def note(tensor):
        found.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        loss = loss_of(net, images, labels)
    own = {t.untyped_storage().data_ptr() for t in [*net.parameters(), *net.buffers(), labels]}
    kept = [t for t in found if t.untyped_storage().data_ptr() not in own]
    total = storage_bytes(kept)
    del loss
    return total


def storage_bytes(tensors):
    storages = [t.untyped_storage() for t in tensors]
    return sum({s.data_ptr(): s.nbytes() for s in storages}.values())


def point(name, side, changes, batch, optimizer, channels_last, *, measured=None):
    net, shape = models.build(name, **changes), (3, side, side)
    conditions = Conditions(channels_last=channels_last)
    asked = {"batch": batch, "optimizer": optimizer, "conditions": conditions}
    predicted = training_memory(net, shape, **asked).peak_bytes
    if measured is None:
        measured = measured_peak(net, shape, **asked)
    label = name + (", memory-efficient" if changes.get("memory_efficient") else "")
    order = "last" if channels_last else "first"
    return Point(label, side, batch, optimizer, order, predicted, measured)


def megabytes(size):
    return f"{size / 1e6:,.1f}"


def table(head, rows):
    lines = [head, ["---:" if i else "---" for i in range(len(head))], *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def points_table(found):
    rows = [
        [
            p.net,
            p.side,
            p.batch,
            p.optimizer,
            p.order,
            megabytes(p.predicted),
            megabytes(p.measured),
            f"{p.predicted / p.measured:.3f}",
        ]
        for p in found
    ]
    return table(
        ["net", "side", "batch", "optimizer", "channels", "predicted MB", "measured MB", "ratio"],
        rows,
    )


def dense_net(depth, memory_efficient):
    layers = ((depth - 4) // 3,) * 3
    with analysis.without_weights():
        return models.build("densenet_40_k12", depths=layers, memory_efficient=memory_efficient)


def densenet_table():
    rows = []
    for depth in DEPTHS:
        plain, saving = (
            training_memory(dense_net(depth, switch), (3, 32, 32), batch=64, optimizer="momentum")
            for switch in (False, True)
        )
        rows.append(
            [
                depth,
                megabytes(plain.saved_bytes),
                f"{plain.saved_bytes / depth**2 / 1e6:.3f}",
                megabytes(plain.peak_bytes),
                megabytes(saving.saved_bytes),
                f"{saving.saved_bytes / depth / 1e6:.3f}",
                megabytes(saving.peak_bytes),
            ]
        )
    head = ["depth L", "saved MB", "saved / L^2", "peak MB", "efficient: saved MB", "saved / L"]
    return table([*head, "efficient: peak MB"], rows)


def hand_sum_table():
    with analysis.without_weights():
        net = models.build("vgg_d")
    rows = [
        [
            line.what,
            line.printed,
            f"{line.by_hand_bytes / 2**20:,.2f}",
            f"{line.real_bytes / 2**20:,.2f}",
            line.reason,
        ]
        for line in hand_sum(net, (3, 224, 224))
    ]
    return table(["", "the notes print", "by hand, MiB", "real, MiB", "because"], rows)


TEXT = """# Training memory: predicted and measured

`convatlas cost NET --train` computes what a training step takes from the net's graph, without
running it. This page is made by `benchmarks/training_memory.py`.

## Conditions
{conditions}

A step sets the gradients to None, runs the forward pass, cross-entropy (auxiliary heads with their
losses), the backward pass and the optimizer with weight decay; the second step is measured.
Measured is the largest sum of what torch's CPU allocator reports as allocated, read from the
profiler's events, on top of weights, buffers, the optimizer's state, images and labels. Optimizers
run fused kernels where torch has them; it has none for RMSProp. "Channels" is the order in memory:
last, as `convatlas train` has it, or first, as torch has it by default; then oneDNN copies maps
into blocks of channels for every convolution and back.

## Peak
{count} points; the ratio of predicted to measured is {least:.3f} to {most:.3f}.

{points}

## DenseNet: quadratic, and with the memory-efficient switch
Depth L, growth rate 12, no bottleneck, 32 x 32 images, batch 64, momentum; predicted. Every layer's
joined and normalised inputs are kept, which grows with the square of the depth; the switch keeps
each layer's own maps once. The table above has both forms measured.

{densenet}

What the switch leaves is linear in the depth: the maps themselves and, in the backward pass, the
gradient of a block's maps twice.

## VGG-16 summed by hand
Batch 128, SGD with momentum, float32.

{by_hand}

## What is modelled, and what is not
- Storages, not tensors: a ReLU in place behind a batch norm saves the batch norm's own output;
  views and several readers count once. Torch keeps a copy of the input of ReLU6 and SiLU in place,
  so these save nothing in training.
- Dropout keeps its mask as numbers of the net's type on the CPU (CUDA: one byte each); max pooling
  keeps positions of 8 bytes.
- Stochastic depth is taken to drop nothing, the most that a step can take.
- Copies that oneDNN makes in torch's allocator, as it does on a CPU with AVX-512. Held to AVX2 it
  takes the same, but for large depthwise kernels in channels-last order: EfficientNet-B0 at
  96 x 96, batch 4, Adam, then peaks at 147 MB where 171 MB are predicted and measured with AVX-512.
- Tens of kB of kernels' scratch are left out, and memory that they take from elsewhere, which the
  allocator does not report. Single images are unfolded into columns by small convolutions, as torch
  decides for more than one thread; with one thread 1x1 convolutions of fewer than 16 images make no
  copies.
- CUDA (not measured): autograd saves the same but for dropout's masks. Not modelled are cuDNN's
  workspaces, the caching allocator's rounding and fragmentation, and the context; torch's default
  optimizers there are "foreach", which `Conditions(step="foreach")` computes.
- Autocast: copies of weights and inputs in half precision, which the backward pass keeps.
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--log", type=Path, help="JSON lines; points in it are not run again")
    arguments = parser.parse_args()
    done = []
    if arguments.log and arguments.log.exists():
        done = [
            point(*asked, measured=json.loads(line)["measured"])
            for asked, line in zip(points(), arguments.log.read_text().splitlines(), strict=False)
        ]
    for place, asked in enumerate(points()):
        if place >= len(done):
            done.append(point(*asked))
            print(done[-1], round(done[-1].predicted / done[-1].measured, 4), flush=True)
            if arguments.log:
                with arguments.log.open("a") as log:
                    log.write(json.dumps(done[-1].__dict__) + "\n")
    ratios = [p.predicted / p.measured for p in done]
    conditions = (
        f"torch {torch.__version__}, {torch.get_num_threads()} threads, "
        f"{torch.backends.cpu.get_cpu_capability()} ({platform.machine()}), float32."
    )
    PAGE.write_text(
        TEXT.format(
            conditions=conditions,
            count=len(done),
            least=min(ratios),
            most=max(ratios),
            points=points_table(done),
            densenet=densenet_table(),
            by_hand=hand_sum_table(),
        )
    )


if __name__ == "__main__":
    main()

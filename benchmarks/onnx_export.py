"""Our ONNX writer against torch.onnx.export: seconds to export, bytes, and latency of the files.

Run: python benchmarks/onnx_export.py [--rounds 60] [variants ...]

torch's exporter runs with dynamo=True when onnxscript is installed, else with dynamo=False; both
files have a dynamic batch. Latency is ONNX Runtime's on the CPU at batch 1, rounds interleaved in
random order; the ratio is the median of the rounds' ratios. Both files must agree with torch.
"""

import argparse
import importlib.util
import random
import statistics
import warnings
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np
import onnx
import onnxruntime
import torch
from torch import nn

from convatlas import models
from convatlas.deployment import to_onnx

NETS = (
    "densenet121",
    "densenet_bc_40_small",
    "mobilenet_v2",
    "mobilenet_v2_small",
    "resnet50",
    "resnet8_small",
    "shufflenet_v2_x1_0",
    "shufflenet_v2_small",
    "squeezenet_1_1",
)
DYNAMO = importlib.util.find_spec("onnxscript") is not None


def by_torch(net: nn.Module, shape: tuple[int, int, int]) -> bytes:
    images = torch.zeros(2, *shape)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if not DYNAMO:
            axes = {"images": {0: "n"}, "logits": {0: "n"}}
            buffer = BytesIO()
            torch.onnx.export(
                net,
                (images,),
                buffer,
                dynamo=False,
                input_names=["images"],
                output_names=["logits"],
                dynamic_axes=axes,
            )
            return buffer.getvalue()
        program = torch.onnx.export(
            net,
            (images,),
            dynamo=True,
            verbose=False,
            input_names=["images"],
            output_names=["logits"],
            dynamic_shapes=({0: torch.export.Dim("n")},),
        )
    with TemporaryDirectory() as folder:
        path = Path(folder) / "net.onnx"
        program.save(path, external_data=False)
        return path.read_bytes()


def lively(net: nn.Module) -> nn.Module:
    """Batch norm that does something, so that folding it wrongly shows."""
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.uniform_(-0.3, 0.3)
            module.running_var.uniform_(0.5, 2.0)
    return net.eval()


def session(content: bytes, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def clocked(run: Callable[[], bytes]) -> tuple[bytes, float]:
    start = perf_counter()
    content = run()
    return content, perf_counter() - start


def compare(name: str, rounds: int, threads: int) -> str:
    torch.manual_seed(0)
    spec = models.spec_of(name)
    shape = (spec.in_channels, spec.input_side, spec.input_side)
    net = lively(models.build(name))
    ours, ours_s = clocked(lambda: to_onnx(net, shape))
    theirs, theirs_s = clocked(lambda: by_torch(net, shape))
    sessions = {"ours": session(ours, threads), "theirs": session(theirs, threads)}
    images = np.random.default_rng(0).standard_normal((1, *shape), dtype=np.float32)
    with torch.no_grad():
        expected = net(torch.from_numpy(images)).numpy()
    for who, opened in sessions.items():
        got = opened.run(None, {"images": images})[0]
        if np.abs(got - expected).max() > 1e-4 * np.abs(expected).max():
            raise SystemExit(f"{name}: {who} does not agree with torch")
    taken: dict[str, list[float]] = {who: [] for who in sessions}
    for _ in range(rounds):
        for who in random.sample(list(sessions), len(sessions)):
            start = perf_counter()
            sessions[who].run(None, {"images": images})
            taken[who].append(perf_counter() - start)
    ratio = statistics.median(t / o for o, t in zip(taken["ours"], taken["theirs"], strict=True))
    nodes = [len(onnx.load_from_string(content).graph.node) for content in (ours, theirs)]
    return (
        f"| {name} | {ours_s:.2f} | {theirs_s:.2f} | {nodes[0]} | {nodes[1]} "
        f"| {len(ours) / len(theirs):.3f} | {statistics.median(taken['ours']) * 1e3:.2f} "
        f"| {statistics.median(taken['theirs']) * 1e3:.2f} | {ratio:.2f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("nets", nargs="*", default=NETS)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(
        f"torch {torch.__version__} (dynamo={DYNAMO}), onnx {onnx.__version__}, "
        f"onnxruntime {onnxruntime.__version__}, {options.threads} thread(s), batch 1, "
        f"{options.rounds} rounds\n\n"
        "| net | export s, ours | torch | nodes, ours | torch | bytes, ours / torch "
        "| ms, ours | torch | torch / ours |\n|---|---|---|---|---|---|---|---|---|"
    )
    for name in options.nets:
        print(compare(name, options.rounds, options.threads), flush=True)


if __name__ == "__main__":
    main()

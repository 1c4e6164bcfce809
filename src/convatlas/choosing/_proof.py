"""The winner on images it never saw, as files, with every budget measured again on them."""

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from convatlas import bundle, device
from convatlas.choosing._budget import Budgets, Kept
from convatlas.choosing._candidates import Candidate
from convatlas.choosing._donors import Donors
from convatlas.choosing._request import Request
from convatlas.data import Material, Pixels, Preprocessing, Progress, centre, normalise
from convatlas.deployment import Parity
from convatlas.device import Timing
from convatlas.evaluation import Evaluation, evaluate, predictor_of
from convatlas.files import write_atomic
from convatlas.training import TrainingResult, bundle_info

PICTURES = "mistakes"  # folder of the mistakes' pictures, by index
_TIMING_S = 2.0
_BATCH = 256


@dataclass(frozen=True, kw_only=True)
class Proof:
    """Everything measured on the final files."""

    test: Evaluation
    parity: Parity
    timing: Timing
    kept: tuple[Kept, ...]
    bundle: Path
    onnx: Path


def prove(
    request: Request,
    material: Material,
    winner: Candidate,
    trained: TrainingResult,
    runtime: str,
    progress: Progress,
    donors: Donors,
) -> Proof:
    """Score, bundle, export, compare, time.

    Raises:
        CheckFailed: if the exported file does not compute what the net computes.
    """
    classes = material.dataset.classes
    preprocessing = donors.preprocessing(winner, material.preprocessing(winner.input_side))
    pixels = material.pixels("test", winner.input_side)
    predict = predictor_of(trained.net)
    test = evaluate(predict, pixels, preprocessing, classes, progress=progress)
    info = bundle_info(
        winner.variant,
        winner.spec,
        material.dataset,
        preprocessing,
        trained,
        test,
        history=donors.history(winner),
    )
    path = bundle.save(request.out / f"{winner.variant}.bundle", trained.net, info)
    shape = (preprocessing.channels, winner.input_side, winner.input_side)
    onnx = request.out / f"{winner.variant}.onnx"
    agreement = device.ship(trained.net, info, onnx, images=_batches(pixels, preprocessing))
    model = onnx if runtime == "onnxruntime" else trained.net
    session = device.open_runtime(model, runtime=runtime, threads=request.threads)
    timing = device.time_sessions({"net": session}, shape, seconds=_TIMING_S)["net"]
    kept = _kept(request.budgets, onnx, timing, shape, request.threads)
    for mistake in test.mistakes:
        picture = _png(pixels, mistake.index, preprocessing.side)
        write_atomic(request.out / PICTURES / f"{mistake.index}.png", picture)
    return Proof(
        test=test,
        parity=agreement,
        timing=timing,
        kept=kept,
        bundle=path,
        onnx=onnx,
    )


def _kept(
    budgets: Budgets, onnx: Path, timing: Timing, shape: tuple[int, int, int], threads: int
) -> tuple[Kept, ...]:
    found = []
    if budgets.latency_s is not None:
        text = f"median of {timing.n} runs, batch 1, {timing.threads} thread(s), {timing.runtime}"
        found.append(
            Kept(
                what="latency",
                unit="s",
                asked=budgets.latency_s,
                measured=timing.median_s,
                conditions=text,
            )
        )
    if budgets.size_bytes is not None:
        found.append(
            Kept(
                what="size",
                unit="bytes",
                asked=budgets.size_bytes,
                measured=onnx.stat().st_size,
                conditions=f"bytes of {onnx.name} on disk",
            )
        )
    if budgets.memory_bytes is not None:
        found.append(
            Kept(
                what="memory",
                unit="bytes",
                asked=budgets.memory_bytes,
                measured=device.measure_memory(onnx, shape, threads=threads),
                conditions="what loading and running it adds to a fresh process with the runtime",
            )
        )
    return tuple(found)


def _batches(pixels: Pixels, preprocessing: Preprocessing) -> Iterator[np.ndarray]:
    for start in range(0, len(pixels), _BATCH):
        raw = pixels.batch(np.arange(start, min(start + _BATCH, len(pixels))))
        yield normalise(centre(raw, preprocessing.side), preprocessing).numpy()


def _png(pixels: Pixels, index: int, side: int) -> bytes:
    image = centre(pixels.batch(np.array([index])), side)[0]
    buffer = BytesIO()
    Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(buffer, "PNG")
    return buffer.getvalue()

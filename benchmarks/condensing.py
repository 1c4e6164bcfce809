"""Learned group convolution on Fashion-MNIST against its dense twin: error, size, latency.

Two nets of CondenseNet-50's form, the condensing stages compressed into the given steps; the twin
never condenses. Both are scored on the official test images, the condensed form after conversion.
Either can be stopped and started again.

    python benchmarks/condensing.py train learned --out runs & \
    python benchmarks/condensing.py train dense --out runs; wait
    python benchmarks/condensing.py report --out runs
"""

import argparse
import json
from pathlib import Path

import torch

from convatlas import models
from convatlas.analysis import cost
from convatlas.data import Augmentation, Material, open_dataset
from convatlas.deployment import parity, to_onnx
from convatlas.device import open_runtime, time_sessions
from convatlas.evaluation import evaluate, predictor_of
from convatlas.layers import LearnedGroupConv
from convatlas.models.condensenet import condense
from convatlas.training import default_recipe, train

FORMS = {"learned": {}, "dense": {"condensation": 1}}
SIDE = 28


def spec_of(form):
    return models.spec_of("condensenet50", input_side=SIDE, in_channels=1, **FORMS[form])


def trained(form, out, steps):
    material = Material(
        open_dataset("fashion-mnist"), out / "cache", threads=1, progress=lambda *_: None
    )
    train_pixels, test = (material.pixels(split, SIDE) for split in ("train", "test"))
    recipe = default_recipe(
        len(train_pixels), 10, Augmentation(flip=True, shift=0.05), steps=steps, batch_size=64
    )
    shown = [0]

    def progress(text, done, total):
        if done >= shown[0] + 50:
            shown[0] = done
            print(form, text, done, total, flush=True)

    result = train(
        "condensenet",
        "condensenet50",
        spec_of(form),
        train_pixels,
        None,
        material.preprocessing(SIDE),
        recipe,
        out / form,
        threads=1,
        progress=progress,
    )
    return result.net, test, material.preprocessing(SIDE)


def pointwise_weights(net):
    """Weights that the 1x1 convolutions still use."""
    return sum(
        int((m.dense_weight() != 0).sum()) for m in net.modules() if isinstance(m, LearnedGroupConv)
    )


def report(out, steps):
    nets, rows, sessions = {}, {}, {}
    shape = (1, SIDE, SIDE)
    for form in FORMS:
        net, test, preprocessing = trained(form, out, steps)
        nets[form] = net.eval()
        rows[form] = {"weights_1x1": pointwise_weights(net)}
    nets["condensed"] = condense(nets["learned"]).eval()
    with torch.no_grad():
        images = torch.randn(64, *shape)
        a, b = nets["learned"](images), nets["condensed"](images)
    conversion = float((a - b).abs().max() / a.abs().max())
    for name, net in nets.items():
        found = evaluate(predictor_of(net), test, preprocessing, [str(i) for i in range(10)])
        counted = cost(net, shape)
        session = open_runtime(to_onnx(net, shape), threads=1)
        sessions[name] = session
        agreement = parity(predictor_of(net), session, images.numpy())
        rows.setdefault(name, {}).update(
            test_images=found.n,
            top1_error=found.top1_error,
            params=counted.params,
            mult_adds=counted.mult_adds,
            onnx_difference=agreement.relative_difference,
        )
    timings = time_sessions(sessions, shape, seconds=1.0)
    for name, timing in timings.items():
        rows[name]["latency_s"] = timing.median_s
    return {
        "steps": steps,
        "batch": 64,
        "rows": rows,
        "conversion_difference": conversion,
        "share_of_1x1_weights": rows["learned"]["weights_1x1"] / rows["dense"]["weights_1x1"],
        "points_lost": rows["condensed"]["top1_error"] - rows["dense"]["top1_error"],
        "speedup": rows["dense"]["latency_s"] / rows["condensed"]["latency_s"],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["train", "report"])
    parser.add_argument("form", nargs="?", choices=list(FORMS))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=1500)
    given = parser.parse_args()
    if given.what == "train":
        trained(given.form, given.out, given.steps)
    else:
        print(json.dumps(report(given.out, given.steps), indent=2))


if __name__ == "__main__":
    main()

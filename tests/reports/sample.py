"""Results as choosing writes them: a whole search, and one in which nothing fits."""

import io
from typing import Any

import numpy as np
from PIL import Image

CLOTHES = (
    "T-shirt/top", "trouser", "pullover", "dress", "coat",
    "sandal", "shirt", "sneaker", "bag", "ankle boot",
)  # fmt: skip
HOSTILE = (
    "<script>alert(1)</script>",
    "\"'><img src=x onerror=alert(2)>",
    "\x1b[31mred\x1b[0m",
    "\u676f\u5b50\u548c\u6c34\u676f",
    "\U0001f97e boot",
    "long" * 60,
    "\u202egnp.tac",
    "</title>&amp;<b>bold</b>",
    "broken \udcff name",
    "%{x} ${1} $x^2$",
)
_NETS = {  # variant: family, million mult-adds at full width and side 28, million parameters
    "lenet5": ("lenet", 0.34, 0.06),
    "alexnet_small": ("alexnet", 9.1, 1.2),
    "vgg_small": ("vgg", 48.0, 2.4),
    "googlenet_small": ("googlenet", 32.0, 1.1),
    "resnet20": ("resnet", 31.0, 0.27),
    "resnext29_small": ("resnext", 52.0, 0.9),
    "densenet_bc_40_k12": ("densenet", 54.0, 0.18),
    "squeezenet_small": ("squeezenet", 6.2, 0.19),
    "mobilenet_v1_small": ("mobilenet_v1", 5.1, 0.21),
    "mobilenet_v2_small": ("mobilenet_v2", 7.4, 0.23),
    "shufflenet_v1_small": ("shufflenet", 4.0, 0.14),
    "condensenet_small": ("condensenet", 8.7, 0.16),
}
_TIMING = {
    "device": "cpu",
    "runtime": "onnxruntime",
    "threads": 1,
    "batch": 1,
    "dtype": "float32",
    "versions": {"onnxruntime": "1.24.1"},
    "n": 640,
}


def whole(classes: tuple[str, ...] = CLOTHES, *, seed: int = 0) -> dict[str, Any]:
    """A search over 48 candidates with three rounds, a winner and its test."""
    rng = np.random.default_rng(seed)
    candidates = _candidates(rng)
    _play(candidates, rng)
    winner = next(c for c in candidates if c["state"] == "chosen")
    return {
        "title": "fashion-mnist",
        "data": _data(classes),
        "budgets": _budgets(winner),
        "candidates": candidates,
        "winner": winner["id"],
        "front": _front(candidates),
        "training": _training(rng),
        "test": _test(classes, rng),
        "parity": {
            "max_difference": 3.1e-6,
            "relative_difference": 2.4e-7,
            "agreement": 1.0,
            "n": 256,
        },
        "timing": winner["latency"],
        "files": {
            "bundle": "chosen.bundle",
            "onnx": "chosen.onnx",
            "onnx_bytes": winner["size_bytes"],
        },
        "commands": [
            {
                "text": "Say what is on a picture:",
                "command": "convatlas predict chosen.bundle photo.jpg",
            },
            {
                "text": "Search again under other budgets; what was measured is used again:",
                "command": "convatlas choose fashion-mnist --latency 0.5ms --out clothes",
            },
        ],
        "environment": {
            "cpu": "Intel(R) Xeon(R) Processor @ 2.60GHz",
            "cores": 2,
            "python": "3.11.9",
            "torch": "2.13.0",
            "versions": {"onnx": "1.21.0", "onnxruntime": "1.24.1"},
        },
        "seconds": {
            "data": 8.2,
            "cost": 2.9,
            "timing": 41.0,
            "search": 402.5,
            "training": 611.0,
            "test": 7.7,
        },
    }


def nothing_fits() -> dict[str, Any]:
    """A search that ended before training, since no candidate keeps the budgets."""
    result = whole()
    for candidate in result["candidates"]:
        candidate.update(state="too slow", reason="takes longer than 20 us", scores=[])
    for candidate in result["candidates"][::3]:
        candidate.update(state="too large", reason="weights take more than 20 kB", latency=None)
    absent = ("training", "test", "parity", "timing", "files", "commands", "front")
    result = {k: v for k, v in result.items() if k not in absent}
    budgets = [
        {
            "what": "latency",
            "unit": "s",
            "asked": 2e-5,
            "measured": None,
            "kept": False,
            "conditions": "",
        },
        {
            "what": "size",
            "unit": "bytes",
            "asked": 20_000,
            "measured": None,
            "kept": False,
            "conditions": "",
        },
    ]
    unmet = (
        "Nothing fits. Nearest: shufflenet_v1_small x0.25 @28: latency needs 73 us, 20 us asked."
    )
    return {**result, "winner": None, "budgets": budgets, "unmet": unmet}


def pictures(result: dict[str, Any], side: int = 28) -> dict[int, bytes]:
    """A PNG for each mistake."""
    rng = np.random.default_rng(1)
    rows, columns = np.mgrid[0:side, 0:side] / side - 0.5
    found = {}
    for mistake in result["test"]["mistakes"]:
        wide, high = rng.uniform(0.15, 0.45, 2)
        shape = (np.abs(rows) < high) & (np.abs(columns) < wide * (1.2 - np.abs(rows)))
        pixels = shape * rng.uniform(90, 250, (side, side)) * rng.uniform(0.6, 1, (side, 1))
        file = io.BytesIO()
        Image.fromarray(pixels.astype(np.uint8)).save(file, "PNG")
        found[mistake["index"]] = file.getvalue()
    return found


def _candidates(rng: np.random.Generator) -> list[dict[str, Any]]:
    found = []
    for variant, (family, mega, params) in _NETS.items():
        for width, side in ((0.25, 28), (0.5, 28), (1.0, 28), (1.0, 20)):
            mult_adds = int(mega * 1e6 * width**1.8 * (side / 28) ** 2)
            n = int(params * 1e6 * width**1.7) + 1_290
            median = (0.05 + mult_adds / 2.2e7 * rng.uniform(0.6, 1.8)) / 1e3
            found.append(
                {
                    "id": f"{variant} x{width:g} @{side}",
                    "variant": variant,
                    "family": family,
                    "width_multiplier": width,
                    "input_side": side,
                    "params": n,
                    "mult_adds": mult_adds,
                    "size_bytes": 4 * n + 9_000,
                    "predicted_memory_bytes": 4 * n + 90 * side**2 * 4,
                    "latency": {
                        **_TIMING,
                        "median_s": median,
                        "q1_s": 0.97 * median,
                        "q3_s": 1.06 * median,
                    },
                    "state": "not tried",
                    "reason": "the time for the search was over",
                    "scores": [],
                }
            )
    return found


def _play(candidates: list[dict[str, Any]], rng: np.random.Generator) -> None:
    """Give states and scores as a halving search does."""
    for c in candidates:
        if c["size_bytes"] > 1_000_000:
            c.update(state="too large", reason="weights take more than 1 MB", latency=None)
        elif c["latency"]["q3_s"] > 1.2e-3:
            c.update(
                state="too slow",
                reason=f"takes {1e3 * c['latency']['median_s']:.2f} ms, 1.2 ms asked",
            )
    left = [c for c in candidates if c["state"] == "not tried"][:-3]
    best = {c["id"]: 76 + 3.1 * np.log2(c["mult_adds"] / 4e4) + rng.normal(0, 0.8) for c in left}
    for number, images in enumerate((6_000, 24_000, 96_000)):
        for c in left:
            accuracy = min(best[c["id"]], 96) - 9.0 * 0.45**number + rng.normal(0, 0.3)
            score = {
                "round": number,
                "images": images,
                "seconds": images / 9e3,
                "accuracy": accuracy,
            }
            c["scores"].append(score)
        left.sort(key=lambda c: -c["scores"][-1]["accuracy"])
        kept = len(left) // 3 if number < 2 else len(left)
        for place, c in enumerate(left[kept:], kept + 1):
            c.update(state="dropped", reason=f"place {place} of {len(left)} in round {number + 1}")
        left = left[:kept]
    for c in left:
        c.update(state="finalist", reason=f"{left[0]['scores'][-1]['accuracy']:.1f} % was better")
    left[0].update(state="chosen", reason="the most accurate that keeps every budget")


def _front(candidates: list[dict[str, Any]]) -> list[str]:
    scored = sorted((c for c in candidates if c["scores"]), key=lambda c: c["latency"]["median_s"])
    front: list[str] = []
    best = 0.0
    for c in scored:
        if c["scores"][-1]["accuracy"] > best:
            best = c["scores"][-1]["accuracy"]
            front.append(c["id"])
    return front


def _data(classes: tuple[str, ...]) -> dict[str, Any]:
    return {
        "name": "fashion-mnist",
        "kind": "fashion-mnist",
        "classes": list(classes),
        "channels": 1,
        "native_side": 28,
        "counts": {"train": 55_000, "val": 5_000, "test": 10_000},
        "notes": [
            "The test images are the set's own.",
            "Validation: 5,000 images of the set's training images, drawn by class with seed 0.",
        ],
        "unreadable": [{"name": "train/coat/0042.png", "reason": "cannot identify image file"}],
        "duplicates": [
            ["train/bag/0007.png", "train/bag/1207.png"],
            ["val/dress/1.png", "train/dress/9.png"],
        ],
    }


def _budgets(winner: dict[str, Any]) -> list[dict[str, Any]]:
    timed = "cpu, onnxruntime 1.24.1, 1 thread, batch 1, float32"
    rows = [
        ("latency", "s", 1.2e-3, winner["latency"]["median_s"], timed),
        ("size", "bytes", 1_000_000, winner["size_bytes"], "the ONNX file"),
        ("memory", "bytes", 4_000_000, 2_310_000, "what the net adds to a fresh process"),
    ]
    return [
        {"what": w, "unit": u, "asked": a, "measured": m, "kept": m <= a, "conditions": c}
        for w, u, a, m, c in rows
    ]


def _training(rng: np.random.Generator) -> dict[str, Any]:
    steps = 3_440
    at = np.arange(1, steps + 1)
    rate = 0.4 * np.minimum(at / 200, (1 + np.cos(np.pi * at / steps)) / 2)
    loss = 0.18 + 2.1 * np.exp(-at / 160) + 0.25 * np.exp(-at / 1500) + rng.normal(0, 0.03, steps)
    history = [
        {
            "step": int(s),
            "epoch": int(s) // 430,
            "loss": float(x),
            "learning_rate": float(r),
            "images_per_s": 9_120.0,
        }
        for s, x, r in zip(at, loss, rate, strict=True)
    ]
    validation = [
        {"step": 430 * e, "accuracy": 93.4 - 12 * 0.6**e, "loss": 0.2 + 0.3 * 0.6**e}
        for e in range(1, 9)
    ]
    return {
        "recipe": {"steps": steps},
        "steps": steps,
        "seconds": 611.0,
        "history": history,
        "validation": validation,
    }


def _test(classes: tuple[str, ...], rng: np.random.Generator) -> dict[str, Any]:
    k, each = len(classes), max(1, 10_000 // len(classes))
    chances = rng.dirichlet(np.full(k, 0.15), k)
    wrong = rng.binomial(each, rng.uniform(0.01, 0.14, k))
    confusion = np.stack([rng.multinomial(w, p) for w, p in zip(wrong, chances, strict=True)])
    np.fill_diagonal(confusion, 0)
    np.fill_diagonal(confusion, each - confusion.sum(1))
    right = np.diag(confusion)
    said = confusion.sum(0)
    per_class = [
        {
            "name": name,
            "n": each,
            "precision": float(right[i] / max(1, said[i])),
            "recall": float(right[i] / each),
        }
        for i, name in enumerate(classes)
    ]
    error = 100.0 * (1 - right.sum() / confusion.sum())
    return {
        "protocol": "single_crop, 28x28 of 28x28",
        "n": int(confusion.sum()),
        "top1_error": float(error),
        "top5_error": 0.21 if k > 5 else None,
        "loss": 0.1987,
        "calibration_error": 0.0143,
        "confusion": confusion.tolist(),
        "per_class": per_class,
        "mistakes": _mistakes(classes, confusion),
    }


def _mistakes(classes: tuple[str, ...], confusion: np.ndarray) -> list[dict[str, Any]]:
    truth, predicted = np.nonzero(confusion - np.diag(np.diag(confusion)))
    return [
        {
            "index": 37 * i + 5,
            "name": f"test/{classes[t]}/{37 * i + 5:05d}.png",
            "truth": classes[t],
            "predicted": classes[p],
            "confidence": 0.999 - 0.006 * i,
        }
        for i, (t, p) in enumerate(list(zip(truth, predicted, strict=True))[:24])
    ]

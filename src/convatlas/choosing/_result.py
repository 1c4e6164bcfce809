"""What choosing found, as plain JSON for programs and for the report."""

from dataclasses import asdict
from pathlib import Path
from shlex import quote
from typing import Any

from convatlas.choosing._candidates import Candidate
from convatlas.choosing._proof import Proof
from convatlas.choosing._request import Request
from convatlas.data import Dataset
from convatlas.device import machine
from convatlas.training import TrainingResult

_SHOWN_FILES = 200  # unreadable files and duplicates listed at most


def result_of(
    request: Request,
    dataset: Dataset,
    listed: list[Candidate],
    winner: Candidate,
    trained: TrainingResult,
    proof: Proof,
    seconds: dict[str, float],
) -> dict[str, Any]:
    """The content of result.json; `unmet` names the budgets the final file breaks."""
    broken = [str(k) for k in proof.kept if not k.kept]
    return {
        **_common(request, dataset, listed, seconds),
        "unmet": f"{winner.id} breaks a budget: {'; '.join(broken)}." if broken else "",
        "budgets": [k.as_dict() for k in proof.kept],
        "winner": winner.id,
        "training": {
            "start": winner.start,
            "recipe": trained.recipe.as_dict(),
            "steps": trained.steps,
            "seconds": trained.seconds,
            "history": list(trained.history),
            "validation": list(trained.validation),
        },
        "test": proof.test.as_dict(),
        "parity": proof.parity.as_dict(),
        "timing": proof.timing.as_dict(),
        "files": {
            "bundle": str(proof.bundle),
            "onnx": str(proof.onnx),
            "onnx_bytes": proof.onnx.stat().st_size,
            "bundle_bytes": sum(f.stat().st_size for f in proof.bundle.iterdir()),
        },
        "commands": _commands(request, winner, trained, proof),
    }


def no_result(
    request: Request,
    dataset: Dataset,
    listed: list[Candidate],
    seconds: dict[str, float],
    unmet: str,
) -> dict[str, Any]:
    """The content of result.json when nothing fits."""
    budgets = request.budgets
    asked = [
        ("latency", "s", budgets.latency_s),
        ("size", "bytes", budgets.size_bytes),
        ("memory", "bytes", budgets.memory_bytes),
    ]
    return {
        **_common(request, dataset, listed, seconds),
        "unmet": unmet,
        "budgets": [
            {"what": w, "unit": u, "asked": a, "measured": None, "kept": False, "conditions": ""}
            for w, u, a in asked
            if a is not None
        ],
        "winner": None,
        "training": None,
        "test": None,
        "parity": None,
        "timing": None,
        "files": None,
        "commands": [],
    }


def _common(
    request: Request, dataset: Dataset, listed: list[Candidate], seconds: dict[str, float]
) -> dict[str, Any]:
    return {
        "title": f"A net for {dataset.name}",
        "request": request.as_dict(),
        "data": _data(dataset),
        "candidates": [c.as_dict() for c in listed],
        "front": _front(listed),
        "environment": machine(),
        "seconds": dict(seconds),
    }


def _data(dataset: Dataset) -> dict[str, Any]:
    scan = dataset.scan
    return {
        "name": dataset.name,
        "kind": dataset.kind,
        "classes": list(dataset.classes),
        "channels": dataset.channels,
        "native_side": dataset.native_side,
        "counts": {s.name: len(s) for s in (dataset.train, dataset.val, dataset.test)},
        "notes": list(dataset.notes),
        "unreadable": [asdict(u) for u in scan.unreadable[:_SHOWN_FILES]],
        "unreadable_count": len(scan.unreadable),
        "duplicates": [list(d) for d in scan.duplicates[:_SHOWN_FILES]],
        "duplicates_count": len(scan.duplicates),
    }


def _front(listed: list[Candidate]) -> list[str]:
    """Candidates than which no other is both faster and as accurate, after their last training."""
    scored = [
        (c.latency["median_s"], -c.scores[-1]["accuracy"], c)
        for c in listed
        if c.scores and c.latency
    ]
    front: list[str] = []
    best = 1.0
    for _, error, candidate in sorted(scored, key=lambda s: s[:2]):
        if error < best:
            best = error
            front.append(candidate.id)
    return front


def _commands(
    request: Request, winner: Candidate, trained: TrainingResult, proof: Proof
) -> list[dict[str, str]]:
    data, bundle, onnx = (quote(str(p)) for p in (request.data, proof.bundle, proof.onnx))
    return [
        {
            "text": "Classify images, from the exported file alone",
            "command": f"convatlas predict {onnx} IMAGE.png",
        },
        {
            "text": "Score it again on the test images",
            "command": f"convatlas evaluate {bundle} {data}",
        },
        {
            "text": "Time it on this machine",
            "command": f"convatlas time {onnx} --threads {request.threads}",
        },
        {
            "text": "Train the same net again",
            "command": f"convatlas train {data} --net {winner.variant} "
            f"--width {winner.spec.width_multiplier:g} --side {winner.input_side} "
            f"--steps {trained.steps} --seed {request.seed}{_start(request, winner)} "
            "--out runs/again",
        },
    ]


def _start(request: Request, winner: Candidate) -> str:
    if winner.start is None or request.from_dir is None:
        return ""
    return f" --from {quote(str(Path(request.from_dir) / winner.start['bundle']))}"

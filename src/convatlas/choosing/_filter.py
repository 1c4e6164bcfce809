"""Dropping candidates: by computed cost first, then by what is measured on this device."""

from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import torch

from convatlas import models
from convatlas.choosing._budget import Budgets
from convatlas.choosing._candidates import Candidate
from convatlas.data import Progress
from convatlas.deployment import export_onnx, to_onnx
from convatlas.device import (
    Session,
    Timing,
    format_bytes,
    format_seconds,
    measure_memory,
    open_runtime,
    time_sessions,
)

_TOGETHER = 12  # sessions timed in one interleaved run


def by_cost(budgets: Budgets, mult_adds_per_s: float) -> Callable[[Candidate], bool]:
    """A test that drops what cannot fit however well it runs, saying by how much.

    Args:
        mult_adds_per_s: the device's matrix-product peak; no net computes faster.
    """

    def reject(candidate: Candidate) -> bool:
        size, memory, latency = budgets.size_bytes, budgets.memory_bytes, budgets.latency_s
        least = candidate.mult_adds / mult_adds_per_s
        if size is not None and candidate.size_bytes > size:
            weights = format_bytes(candidate.size_bytes)
            candidate.drop("too large", f"weights take {weights}, {format_bytes(size)} asked")
        elif memory is not None and candidate.predicted_memory_bytes > memory:
            needed = format_bytes(candidate.predicted_memory_bytes)
            candidate.drop("too much memory", f"needs {needed}, {format_bytes(memory)} asked")
        elif latency is not None and least > latency:
            candidate.drop(
                "too slow",
                f"its {candidate.mult_adds / 1e6:.3g} M mult-adds take {format_seconds(least)} at "
                f"this machine's matrix-product peak, {format_seconds(latency)} asked",
            )
        return candidate.state != "listed"

    return reject


def peak_mult_adds_per_s(threads: int) -> float:
    """Mult-adds a second of a float32 matrix product on `threads` threads, best of 20 runs."""
    side, before = 768, torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        a = torch.rand(side, side)
        best = min(_seconds(lambda: a @ a) for _ in range(20))
    finally:
        torch.set_num_threads(before)
    return side**3 / best


def time_candidates(
    candidates: list[Candidate],
    budgets: Budgets,
    *,
    threads: int,
    runtime: str,
    seconds: float,
    progress: Progress,
) -> None:
    """Time every listed candidate on the runtime; drop those over the budget of time or size.

    A candidate passes when its upper quartile keeps the budget, so that noise does not turn the
    chosen net away at the end.

    Args:
        seconds: for all of them together.
    """
    listed = [c for c in candidates if c.state == "listed"]
    if not listed:  # so that one can say what comes nearest
        listed = sorted(candidates, key=lambda c: c.mult_adds)[:_TOGETHER]
    share = seconds / max(1, len(listed))
    for start in range(0, len(listed), _TOGETHER):
        progress("timing candidates", start, len(listed))
        group = listed[start : start + _TOGETHER]
        sessions = {c.id: _session(c, threads=threads, runtime=runtime) for c in group}
        for shape, members in _by_shape(group).items():
            timings = time_sessions(
                {c.id: sessions[c.id] for c in members}, shape, seconds=0.6 * share
            )
            for candidate in members:
                _judge(candidate, timings[candidate.id], budgets)
    progress("timing candidates", len(listed), len(listed))


def by_memory(candidates: list[Candidate], budgets: Budgets, *, threads: int) -> None:
    """Add what the runtime itself takes for any net, measured on the lightest; drop what exceeds.

    Weights and activations are computed; a runtime's own buffers, about ten megabytes, are not.
    """
    listed = [c for c in candidates if c.state == "listed"]
    if budgets.memory_bytes is None or not listed:
        return
    lightest = min(listed, key=lambda c: c.predicted_memory_bytes)
    spec = lightest.spec
    shape = (spec.in_channels, spec.input_side, spec.input_side)
    with TemporaryDirectory(prefix="convatlas-") as folder:
        net = models.family_of(lightest.variant).build(spec).eval()
        file = export_onnx(net, shape, Path(folder) / "net.onnx")
        measured = measure_memory(file, shape, threads=threads)
    own = max(0, measured - lightest.predicted_memory_bytes)
    for candidate in candidates:
        candidate.predicted_memory_bytes += own
        if candidate.state == "listed" and candidate.predicted_memory_bytes > budgets.memory_bytes:
            candidate.drop(
                "too much memory",
                f"needs about {format_bytes(candidate.predicted_memory_bytes)}, of which the "
                f"runtime takes {format_bytes(own)}; {format_bytes(budgets.memory_bytes)} asked",
            )


def _judge(candidate: Candidate, timing: Timing, budgets: Budgets) -> None:
    candidate.latency = timing.as_dict()
    if candidate.state != "listed":
        return
    size, latency = budgets.size_bytes, budgets.latency_s
    if size is not None and candidate.size_bytes > size:
        file = format_bytes(candidate.size_bytes)
        candidate.drop("too large", f"its file takes {file}, {format_bytes(size)} asked")
    elif latency is not None and timing.q3_s > latency:
        candidate.drop(
            "too slow",
            f"takes {format_seconds(timing.median_s)} (upper quartile "
            f"{format_seconds(timing.q3_s)}), {format_seconds(latency)} asked",
        )


def _session(candidate: Candidate, *, threads: int, runtime: str) -> Session:
    spec = candidate.spec
    net = models.family_of(candidate.variant).build(spec).eval()
    if runtime == "torch":
        return open_runtime(net, runtime=runtime, threads=threads)
    shape = (spec.in_channels, spec.input_side, spec.input_side)
    content = to_onnx(net, shape)
    candidate.size_bytes = len(content)
    return open_runtime(content, runtime=runtime, threads=threads)


def _by_shape(group: Iterable[Candidate]) -> dict[tuple[int, int, int], list[Candidate]]:
    found: dict[tuple[int, int, int], list[Candidate]] = {}
    for candidate in group:
        shape = (candidate.spec.in_channels, candidate.input_side, candidate.input_side)
        found.setdefault(shape, []).append(candidate)
    return found


def _seconds(run: Callable[[], object]) -> float:
    start = perf_counter()
    run()
    return perf_counter() - start

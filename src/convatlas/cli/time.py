"""`convatlas time`: how long nets take on this machine."""

from pathlib import Path
from typing import Annotated, Any

import typer

from convatlas.cli._console import JSON_HELP, print_json, print_table
from convatlas.cli._fixed import refuse_changes
from convatlas.cli._target import NET_HELP, Changes, build_net

_MOST_SECONDS = 3600


def command(
    nets: Annotated[list[str], typer.Argument(help=NET_HELP)],
    runtime: Annotated[str, typer.Option(help="auto, onnxruntime or torch.")] = "auto",
    threads: Annotated[int, typer.Option(help="Threads.", min=1, max=1024)] = 1,
    batch: Annotated[int, typer.Option(help="Images at once.", min=1)] = 1,
    seconds: Annotated[float, typer.Option(help="Time to spend on each net.")] = 2.0,
    side: Annotated[int | None, typer.Option(help="Side of the square input.")] = None,
    width: Annotated[float | None, typer.Option(help="Width multiplier.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help=JSON_HELP)] = False,
) -> None:
    """Time nets side by side in interleaved rounds: median and quartiles, with conditions."""
    from convatlas.device import format_seconds, pick_runtime, time_sessions
    from convatlas.errors import UserError

    if not 0 < seconds <= _MOST_SECONDS:
        raise UserError(f"--seconds {seconds:g}; it must be above 0, at most {_MOST_SECONDS}.")
    picked = pick_runtime(runtime)
    opened = {net: _open(net, Changes(side=side, width=width), picked, threads) for net in nets}
    timings: dict[str, Any] = {}
    for shape in dict.fromkeys(shape for _, shape in opened.values()):
        sessions = {net: session for net, (session, s) in opened.items() if s == shape}
        timings |= time_sessions(sessions, shape, batch=batch, seconds=seconds)
    if as_json:
        print_json({net: timings[net].as_dict() for net in nets})
        return
    one = timings[nets[0]]
    print_table(
        ["net", "input", "median", "lower quartile", "upper quartile", "runs"],
        [
            [
                net,
                "x".join(map(str, opened[net][1])),
                format_seconds(timings[net].median_s),
                format_seconds(timings[net].q1_s),
                format_seconds(timings[net].q3_s),
                timings[net].n,
            ]
            for net in nets
        ],
        title=f"{one.runtime}, {one.threads} thread(s), batch {one.batch}, {one.dtype}, "
        f"{one.device}",
    )


def _open(
    net: str, changes: Changes, runtime: str, threads: int
) -> tuple[Any, tuple[int, int, int]]:
    from convatlas.deployment import to_onnx
    from convatlas.device import onnx_shape, open_runtime
    from convatlas.errors import UserError

    refuse_changes(net, changes)
    if net.endswith(".onnx"):
        if runtime != "onnxruntime":
            raise UserError(f"{net!r} runs in onnxruntime, not in {runtime}. Give its bundle.")
        file = Path(net)
        return open_runtime(file, runtime=runtime, threads=threads), onnx_shape(file)
    built, shape = build_net(net, changes)
    model = built if runtime == "torch" else to_onnx(built, shape)
    return open_runtime(model, runtime=runtime, threads=threads), shape

"""`convatlas choose`: images and a budget in, the most accurate net that fits out."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from convatlas.cli._console import JSON_HELP, print_json, print_table, progress, resumable, say


def command(
    data: Annotated[str, typer.Argument(help="digits, fashion-mnist, images, shards, a list, ...")],
    latency: Annotated[str | None, typer.Option(help="Time for one image: 2ms, 0.5s.")] = None,
    size: Annotated[str | None, typer.Option(help="Bytes of the file: 200kB, 1.5MB.")] = None,
    memory: Annotated[str | None, typer.Option(help="What running it may take: 20MB.")] = None,
    minutes: Annotated[float, typer.Option(help="Time for the whole job.")] = 3.0,
    runtime: Annotated[
        Literal["auto", "onnxruntime", "torch"], typer.Option(help="What the net will run on.")
    ] = "auto",
    threads: Annotated[int, typer.Option(help="Threads of the deployed net.")] = 1,
    out: Annotated[Path | None, typer.Option(help="Directory of the results.")] = None,
    from_dir: Annotated[
        str | None,
        typer.Option(help="Folder of bundles; candidates of the same net start from them."),
    ] = None,
    storage: Annotated[
        str | None, typer.Option(help="Database URL, so that machines share one search.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of splits, weights and order.")] = 0,
    unreadable: Annotated[
        Literal["skip", "refuse"], typer.Option(help="Images that cannot be read.")
    ] = "skip",
    as_json: Annotated[bool, typer.Option("--json", help=JSON_HELP)] = False,
) -> None:
    """Choose the most accurate net within budgets, train it, export it, prove it.

    Exit code 3 when nothing fits. Stopped and started again with the same --out, it goes on.
    """
    from convatlas.choosing import Budgets, Request, choose
    from convatlas.device import bytes_of, seconds_of
    from convatlas.errors import DoesNotFit
    from convatlas.reports import write_report

    budgets = Budgets(
        latency_s=None if latency is None else seconds_of(latency),
        size_bytes=None if size is None else bytes_of(size),
        memory_bytes=None if memory is None else bytes_of(memory),
    )
    request = Request(
        data=data,
        budgets=budgets,
        out=out or Path("runs") / f"choose-{Path(data).name}",
        minutes=minutes,
        runtime=runtime,
        threads=threads,
        from_dir=from_dir,
        storage=storage,
        seed=seed,
        unreadable=unreadable,
    )
    with progress() as shown, resumable():
        choice = choose(request, progress=shown, say=shown.say)
        report = request.out / "report.html"
        write_report(choice.result, report, pictures=choice.pictures)
    if as_json:
        print_json(choice.result)
    else:
        _print(choice.result)
        say(f"report: {report}")
    if choice.unmet:
        raise DoesNotFit(choice.unmet)


def _print(result: dict[str, Any]) -> None:
    from convatlas.device import format_bytes, format_seconds

    if result["winner"] is not None:
        test = result["test"]
        print_table(
            ["", ""],
            [
                ["net", result["winner"]],
                ["test accuracy", f"{100 - test['top1_error']:.2f} % of {test['n']:,} images"],
                ["bundle", result["files"]["bundle"]],
                ["onnx", result["files"]["onnx"]],
            ],
        )
    shown = {"s": format_seconds, "bytes": format_bytes}
    print_table(
        ["budget", "asked", "measured", "kept"],
        [
            [
                b["what"],
                shown[b["unit"]](b["asked"]),
                "" if b["measured"] is None else shown[b["unit"]](b["measured"]),
                "yes" if b["kept"] else "no",
            ]
            for b in result["budgets"]
        ],
    )
    for line in result["commands"]:
        say(f"{line['text']}:")
        say(f"  {line['command']}")

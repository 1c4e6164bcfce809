"""`convatlas evaluate`: trained nets on labelled images, by any protocol of the papers."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from convatlas.cli._console import JSON_HELP, print_json, progress, resumable, say
from convatlas.cli._evaluation import Wanted, as_json_value, evaluated
from convatlas.cli._scores import print_scores, say_unreadable

Models = Annotated[list[Path], typer.Argument(help="A .bundle or .onnx file; several: ensemble.")]
Data = Annotated[str, typer.Argument(help="digits, fashion-mnist, a folder, tar shards.")]
Protocol = Annotated[
    str, typer.Option(help='As "dense(256,384) + ten_crop"; `convatlas protocols` lists all.')
]
Pixels = Annotated[
    str, typer.Option(help="own, imagenet, mean_only, caffe, minus_one_to_one, zero_to_one.")
]
Split = Annotated[
    Literal["train", "val", "test", "all"] | None,
    typer.Option(help="Part of the data; otherwise test, or all of tar shards."),
]
TopK = Annotated[list[int] | None, typer.Option(help="Another k of top-k errors.", min=1)]
Slices = Annotated[Path | None, typer.Option(help="CSV file: scores by the values of its columns.")]
Calibrate = Annotated[
    Literal["train", "val", "test"] | None,
    typer.Option(help="Split to fit a temperature on, applied to the scored one."),
]
Duplicates = Annotated[
    bool, typer.Option("--duplicates", help="Test images that training holds too, or nearly.")
]
Robustness = Annotated[
    bool, typer.Option("--robustness", help="Errors under JPEG, noise, blur, brightness.")
]
Out = Annotated[Path | None, typer.Option(help="Keep scores here; killed, it goes on from them.")]
Report = Annotated[Path | None, typer.Option(help="Write a page with charts (.html).")]
Save = Annotated[Path | None, typer.Option(help="Write all answers: a .jsonl or .parquet file.")]
Processes = Annotated[int, typer.Option(help="That share the images.", min=1, max=1024)]
Threads = Annotated[int, typer.Option(help="Threads of each process.", min=1, max=1024)]
Seed = Annotated[int, typer.Option(help="Of the splits, as in training.")]
Unreadable = Annotated[Literal["skip", "refuse"], typer.Option(help="Unreadable images.")]
AsJson = Annotated[bool, typer.Option("--json", help=JSON_HELP)]


def command(
    models: Models, data: Data, protocol: Protocol = "single_crop", preprocessing: Pixels = "own",
    split: Split = None, topk: TopK = None, slices: Slices = None, calibrate: Calibrate = None,
    duplicates: Duplicates = False, robustness: Robustness = False, out: Out = None,
    report: Report = None, save: Save = None, processes: Processes = 1, threads: Threads = 1,
    seed: Seed = 0, unreadable: Unreadable = "refuse", as_json: AsJson = False,
) -> None:  # fmt: skip
    """Score trained nets on images; every image counts once, and the unreadable ones are named.

    Processes and machines that are given the same --out share the work.
    """
    from tempfile import TemporaryDirectory

    from convatlas.device import Conditions

    wanted = Wanted(
        slices=slices, save=save, report=report,
        calibrate=calibrate, duplicates=duplicates, robustness=robustness,
    )  # fmt: skip
    wanted.check(models, split)
    conditions = Conditions(
        protocol=protocol, preprocessing=preprocessing, part=split, seed=seed,
        unreadable=unreadable, threads=threads, processes=processes, ks=tuple(topk or ()),
    )  # fmt: skip
    place = TemporaryDirectory(prefix="convatlas-") if out is None else resumable()
    with place as made, progress() as shown:
        folder = out or Path(str(made))
        scored, found = evaluated(models, data, folder, conditions, wanted, shown)
    for note in scored.images.notes:
        say(note)
    say_unreadable(found.evaluation.unreadable)
    print_json(as_json_value(found)) if as_json else print_scores(found)
    if report is not None:
        say(f"report: {report}")

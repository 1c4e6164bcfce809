"""Pretraining on five classes of CIFAR-10, then 50 images a class of the other five.

    python benchmarks/transfer.py CIFAR10 WORK [PART ...]

CIFAR10 is a folder with train/ and test/, a folder of images per class in each. WORK keeps the
runs: what is finished is not done again. Parts: first, scratch, tuned, norms, rates; page writes
docs/transfer.md from what WORK holds. Everything runs on one thread.
"""

import io
import json
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from time import process_time

import torch

NET = "resnet8_small"
EPOCHS_FIRST, EPOCHS_SCRATCH = 4, 120
SETS = (0, 1, 2)  # disjoint sets of 50 images a class, each with the seed of its number
SEEN = slice(4000, 4010)  # training images of a class that the log's validation scores
HELD_OUT = slice(4700, 5000)  # training images of a class that decide the recipe's values
EACH = (10, 50, 250)  # images of a class to train on, where the policy for norms is looked for
BODIES = (0.1, 0.3, 1.0)  # beside the recipe's own 0.2, which is among the runs for norms
PAGE = Path(__file__).parent.parent / "docs" / "transfer.md"


@dataclass(frozen=True)
class Run:
    """A command line and what it is called."""

    name: str
    data: str
    options: tuple[str, ...]
    seed: int = 0

    def line(self, work: Path | str) -> list[str]:
        return [
            "train", f"{work}/data/{self.data}", "--net", NET, *self.options,
            "--seed", str(self.seed), "--threads", "1", "--out", f"{work}/runs/{self.name}",
        ]  # fmt: skip


def start(work: Path | str) -> tuple[str, str]:
    return "--from", f"{work}/runs/first/{NET}.bundle"


def runs(part: str, work: Path | str) -> Iterator[Run]:
    if part == "first":
        yield Run("first", "first", ("--epochs", str(EPOCHS_FIRST)))
    for number in SETS if part == "scratch" else ():
        length = ("--epochs", str(EPOCHS_SCRATCH))
        small = ("--recipe", "small-data")
        paper = ("--recipe", "resnet-cifar", "--batch", "32")
        for recipe in (small, paper):
            name = f"scratch-{recipe[1]}-{number}"
            yield Run(name, f"second-{number}", (*recipe, *length), number)
    for number in SETS if part == "tuned" else ():
        yield Run(f"tuned-{number}", f"second-{number}", start(work), number)
    if part == "norms":
        for each in EACH:
            for norms in ("trained", "frozen"):
                options = (*start(work), "--set", f"norms={norms}")
                yield Run(f"norms-{norms}-{each}", f"held-out-{each}", options)
    if part == "rates":
        for body in BODIES:
            options = (*start(work), "--set", f"body_rate={body}")
            yield Run(f"rates-{body}", "held-out-50", options)


def folders(source: Path, data: Path) -> None:
    """Links to the images, the first five classes apart from the others."""
    train, test = source / "train", source / "test"
    classes = sorted(path.name for path in train.iterdir())
    linked(data / "first", classes[:5], train=(train, slice(None)), test=(test, slice(None)))
    for number in SETS:
        linked(
            data / f"second-{number}",
            classes[5:],
            train=(train, slice(50 * number, 50 * number + 50)),
            val=(train, SEEN),
            test=(test, slice(None)),
        )
    for each in EACH:
        linked(
            data / f"held-out-{each}",
            classes[5:],
            train=(train, slice(1000, 1000 + each)),
            val=(train, SEEN),
            test=(train, HELD_OUT),
        )


def linked(folder: Path, classes: list[str], **splits: tuple[Path, slice]) -> None:
    if folder.exists():
        return
    for split, (images, part) in splits.items():
        for name in classes:
            place = folder / split / name
            place.mkdir(parents=True)
            for file in sorted((images / name).iterdir())[part]:
                (place / file.name).symlink_to(file)


def convatlas(arguments: list[str]) -> dict:
    """What the command prints as JSON."""
    from convatlas.cli import main

    out, before = io.StringIO(), sys.argv
    sys.argv = ["convatlas", *arguments, "--json"]
    code: object = 0
    try:
        with redirect_stdout(out):
            main()
    except SystemExit as stop:
        code = stop.code
    finally:
        sys.argv = before
    if code:
        raise SystemExit(f"exit code {code}: convatlas {' '.join(arguments)}")
    return json.loads(out.getvalue())


def do(part: str, work: Path) -> None:
    for run in runs(part, work):
        kept = work / "runs" / f"{run.name}.json"
        if kept.exists():
            continue
        begun = process_time()
        result = convatlas(run.line(work))
        kept.write_text(json.dumps({"cpu_s": process_time() - begun, "result": result}))
        print(f"{run.name}: {accuracy(work, run.name):.2f} %", file=sys.stderr)


def read(work: Path, name: str) -> dict:
    return json.loads((work / "runs" / f"{name}.json").read_text())


def accuracy(work: Path, name: str) -> float:
    return 100 - read(work, name)["result"]["test"]["top1_error"]


def minutes(work: Path, name: str) -> float:
    return read(work, name)["cpu_s"] / 60


def row(work: Path, label: str, names: list[str]) -> str:
    values = [accuracy(work, name) for name in names]
    each = ", ".join(f"{v:.2f}" for v in values)
    spent = mean(minutes(work, name) for name in names)
    return f"| {label} | {mean(values):.2f} | {stdev(values):.2f} | {each} | {spent:.2f} |"


def command(run: Run) -> str:
    return "convatlas " + " ".join(run.line("WORK"))


def processor() -> str:
    """What Linux calls the processor."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, "an unnamed processor")


def page(work: Path) -> str:
    first = next(runs("first", "WORK"))
    tuned, scratch = list(runs("tuned", "WORK")), list(runs("scratch", "WORK"))
    by_recipe = {run.options[1]: [] for run in scratch}
    for run in scratch:
        by_recipe[run.options[1]].append(run.name)
    result = read(work, tuned[0].name)["result"]
    recipe = result["recipe"]
    commands = "\n".join(command(run) for run in (first, tuned[0], *scratch[:2]))
    table = "\n".join(
        [
            row(work, "`--from`, recipe `fine-tune`", [run.name for run in tuned]),
            *(
                row(work, f"from scratch, `{name}`, {EPOCHS_SCRATCH} epochs", names)
                for name, names in by_recipe.items()
            ),
        ]
    )
    norms = "\n".join(
        f"| {each} | {accuracy(work, f'norms-trained-{each}'):.2f} "
        f"| {accuracy(work, f'norms-frozen-{each}'):.2f} |"
        for each in EACH
    )
    bodies = {body: f"rates-{body}" for body in BODIES} | {0.2: "norms-trained-50"}
    rates = "\n".join(
        f"| {body:g} | {accuracy(work, name):.2f} |" for body, name in sorted(bodies.items())
    )
    return TEXT.format(
        net=NET,
        first=f"{accuracy(work, 'first'):.2f}",
        first_minutes=f"{minutes(work, 'first'):.1f}",
        epochs_first=EPOCHS_FIRST,
        commands=commands,
        table=table,
        norms=norms,
        rates=rates,
        steps=recipe["steps"],
        batch=recipe["batch_size"],
        rate=f"{recipe['learning_rate']:g}",
        body=f"{recipe['body_rate']:g}",
        policy=recipe["norms"],
        torch=torch.__version__,
        machine=processor(),
    )


TEXT = """# Transfer: from weights that were trained before

<!-- made by benchmarks/transfer.py -->

`convatlas train DATA --net NET --from WHAT --out OUT` starts from trained weights. WHAT is

- `x.bundle`: a bundle that convatlas wrote;
- `x.safetensors` or `x.pth`: a checkpoint of torchvision or timm, read as `convatlas import`
  reads it: nothing in it is run;
- `hub:OWNER/NAME` or `hub:OWNER/NAME@REVISION`: a repository on the Hugging Face hub (`pip
  install 'convatlas[hub]'`). The revision is resolved to a commit, a bundle or one safetensors
  file is fetched from it, and its SHA-256 compared with the one that the hub states.

What happens then:

- **What is taken over**: every tensor; the net must be the same but for dropout, dropped branches
  and auxiliary heads. The classifier is new unless the classes have the same names; in another
  order its rows are put in order.
- **Images** are normalised with the mean and std that the weights were trained with, and have
  their side unless `--side` gives another, which nets with global pooling take. They are resized as
  the data set's are (bilinear).
- **Grey and colour**: for grey images the filters of the first layer are summed over the colours;
  for colour images each colour has a third of the grey filter.
- **What is kept of it**: `OUT/given.json` and the bundle's `history` name each net by SHA-256, a
  repository also by its commit. A run that was stopped goes on without the repository.
- **`--graft`**: the net in WHAT is a shallower one of the family; its first four convolutions and
  its classifier begin the deeper net (Simonyan and Zisserman 2015, section 3.1).
- **`--teacher x.bundle --set distillation=0.5 --set temperature=4`**: half of the loss compares
  with a teacher's answers. It sees the images as it was trained to (its own mean, std and side),
  and its classes are matched by name.
- **`convatlas choose DATA --from-dir DIR`**: candidates whose variant and width have a bundle in
  DIR start from it, the others from scratch; the report says which.

## What it is worth: five classes, then 50 images a class of five others

`{net}` (32x32) is trained on the first five classes of CIFAR-10 (22,500 training images,
{epochs_first} epochs, {first} % of their 5,000 test images, {first_minutes} minutes). Then it is
trained on 50 images a class of the other five, with the recipe `fine-tune`, and scored on all
their 5,000 test images; beside it the same net from scratch with two recipes. Three disjoint sets
of 50 images a class, each with its own seed; the table has their mean and standard deviation.

| start | accuracy, % | spread | each | minutes |
|---|---|---|---|---|
{table}

Minutes are CPU time of the whole command on one thread (decoding, training, validation, test) on
{machine}, torch {torch}. Images are the JPEG form of CIFAR-10. Validation, of 50 further images,
chooses nothing.

```
{commands}
```

`fine-tune` is {steps} steps of {batch} images here: rate {rate} for the new classifier, {body} of
it for the body, norms {policy}.

## How the recipe was chosen

On other training images than those above (50 a class unless said otherwise) and scored on 1,500
training images that nothing else uses; one run each. Differences below two points mean little (of
1,500 images the standard error is 1.2 points): frozen norms were behind at every size, but by less
than that, so norms are trained whatever the number of images; the body's rate matters little below
the full one.

| images a class | norms trained, % | norms frozen, % |
|---|---|---|
{norms}

| rate of the body / rate of the classifier | accuracy, % |
|---|---|
{rates}
"""


def main() -> None:
    source, work, *parts = sys.argv[1:]
    place = Path(work).resolve()
    torch.set_num_threads(1)
    folders(Path(source).resolve(), place / "data")
    (place / "runs").mkdir(exist_ok=True)
    for part in parts or ["first", "scratch", "tuned", "norms", "rates", "page"]:
        if part == "page":
            PAGE.write_text(page(place))
        else:
            do(part, place)


if __name__ == "__main__":
    main()

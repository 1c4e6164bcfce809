"""What `convatlas train` does instead of training: a dry run, overfitting, a search for a rate."""

from importlib.util import find_spec
from pathlib import Path

from convatlas.cli._console import print_json, print_table, resumable, say
from convatlas.cli._training_view import watched
from convatlas.device import format_bytes
from convatlas.errors import CheckFailed, UserError
from convatlas.files import write_json
from convatlas.reports._units import seconds as duration
from convatlas.training import DryRun, Lesson, RateTest, dry_run, find_rate, overfit


def refuse_several(**asked: bool) -> None:
    """Nothing, if at most one trial is asked for.

    Raises:
        UserError: naming them.
    """
    names = [f"--{name.replace('_', '-')}" for name, wanted in asked.items() if wanted]
    if len(names) > 1:
        raise UserError(f"{' and '.join(names)} exclude each other. Give one of them.")


def try_everything(lesson: Lesson, out: Path, *, as_json: bool) -> None:
    """Print what would be trained, once all its parts have run."""
    exportable = all(find_spec(name) for name in ("onnx", "onnxruntime"))
    with watched() as view, resumable():
        found = dry_run(
            lesson, out, progress=view, say=view.say, then=_export if exportable else None
        )
    if as_json:
        print_json(found.as_dict())
        return
    print_table(["would train", f"{found.net} at {found.side}x{found.side}"], _planned(found))
    print_table(["tried", "took"], [[what, duration(s)] for what, s in found.parts])


def _export(bundle: Path) -> None:
    from convatlas.bundle import load
    from convatlas.device import ship

    loaded = load(bundle)
    ship(loaded.net, loaded.info, bundle.with_suffix(".onnx"))


def _planned(found: DryRun) -> list[list[str]]:
    recipe, images = found.recipe, found.images
    memory = "not known for this net"
    if found.memory_bytes is not None:
        memory = f"{format_bytes(found.memory_bytes)} at the peak of a step, computed"
    return [
        ["parameters", f"{found.params:,}, {found.classes:,} classes"],
        ["recipe", recipe.name],
        ["optimizer", f"{recipe.optimizer}, {recipe.schedule}"],
        ["rate", found.rate_rule],
        ["images", ", ".join(f"{split} {n:,}" for split, n in images.items())],
        ["steps", f"{recipe.steps:,} of {recipe.batch_size} images, {found.length_rule}"],
        ["memory", memory],
        ["speed", f"{found.images_per_s:,.0f} images/s"],
        ["time", f"about {duration(found.seconds)}, with validations and the test"],
    ]


def try_overfitting(lesson: Lesson, count: int, out: Path, *, as_json: bool) -> None:
    """Print whether the net learns `count` images.

    Raises:
        CheckFailed: if it does not.
    """
    with watched() as view, resumable():
        found = overfit(lesson, count, out, progress=view, say=view.say)
    if as_json:
        print_json(found.as_dict())
    if not found.learned:
        raise CheckFailed(found.verdict)
    if not as_json:
        print_table(
            ["overfit", f"{found.images:,} images"],
            [
                ["accuracy", f"{found.accuracy:.1f} %"],
                ["steps", f"{found.steps:,}"],
                ["loss", f"{found.first_loss:.3f} -> {found.loss:.3g}"],
                ["verdict", found.verdict],
            ],
        )


def try_rates(lesson: Lesson, out: Path, *, as_json: bool) -> None:
    """Print a learning rate, write OUT/rate.json and OUT/rate.html.

    Raises:
        CheckFailed: if no rate lowers the loss.
    """
    with watched() as view, resumable():
        found = find_rate(lesson, out, progress=view, say=view.say)
    write_json(out / "rate.json", found.as_dict())
    page = _rate_page(found, out / "rate.html")
    if as_json:
        print_json(found.as_dict())
    if found.suggested is None:
        raise CheckFailed(
            f"No learning rate from {found.rates[0]:.2g} to {found.rates[-1]:.2g} lowers the loss. "
            "Try --overfit 64: the net or the images are at fault."
        )
    if not as_json:
        print_table(["learning rate", f"{found.suggested:.2g}"], _rate_rows(found, page))


def _rate_rows(found: RateTest, page: Path | None) -> list[list[str]]:
    rows = [
        ["rule", "the steepest fall of the smoothed loss"],
        ["the recipe's", f"{found.recipe_rate:.4g} at batch {found.batch_size}"],
        ["lowest loss at", f"{found.lowest:.2g}; above it training gets worse"],
        ["ended at", f"{found.rates[-1]:.2g}, {found.ended}"],
        ["use it", f"--learning-rate {found.suggested:.2g}"],
    ]
    return rows if page is None else [*rows, ["plot", str(page)]]


def _rate_page(found: RateTest, path: Path) -> Path | None:
    from convatlas.reports import write_rate_test

    try:
        return write_rate_test(found, path)
    except UserError as error:
        say(f"no plot: {error}")
        return None

"""What is made of the scores of one net, or of several and their mean, and the files for it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convatlas.errors import UserError

if TYPE_CHECKING:
    from convatlas.data import Images, Progress, Split
    from convatlas.device import Conditions, ScoredModels
    from convatlas.evaluation import NearDuplicates, Scored, Temperature
    from convatlas.reports import EvaluationReport


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a person asked for beside the errors."""

    slices: Path | None = None
    save: Path | None = None
    report: Path | None = None
    calibrate: str | None = None  # split that a temperature is fitted on
    duplicates: bool = False
    robustness: bool = False

    def check(self, models: Sequence[Path], part: str | None) -> None:
        """Refuse what cannot be done before hours are spent on scoring.

        Raises:
            UserError: saying which option and why.
        """
        from convatlas.evaluation import read_attributes, saver
        from convatlas.files import check_writable
        from convatlas.reports import check_page

        if self.slices is not None:
            read_attributes(self.slices)
        if self.save is not None:
            saver(self.save)
            check_writable(self.save)
        if self.report is not None:
            check_page(self.report)
        if self.calibrate is not None and part == "all":
            raise UserError(
                f"--split all holds the images of --calibrate {self.calibrate} too: a temperature "
                "judged on the images it is fitted on proves nothing. Score another split."
            )
        if self.calibrate is not None and self.calibrate == (part or "test"):
            raise UserError(
                f"--calibrate {self.calibrate} is the split that is scored: a temperature fitted "
                "on the images it is judged on proves nothing. Give another split."
            )
        if self.duplicates and part not in (None, "test"):
            raise UserError(f"--duplicates looks among the test images, not in --split {part}.")
        if self.robustness and len(models) > 1:
            raise UserError(f"--robustness is of one net, and {len(models)} were given.")


def evaluated(
    models: Sequence[Path],
    data: str,
    directory: Path,
    conditions: "Conditions",
    wanted: Wanted,
    progress: "Progress",
) -> "tuple[ScoredModels, EvaluationReport]":
    """Score the models and everything that is wanted; files are written.

    What the data may not allow comes first, so that it is refused before the scoring.
    """
    from convatlas.device import robustness_of, score_models
    from convatlas.evaluation import calibrated, error_without, evaluation_of, slices
    from convatlas.reports import EvaluationReport

    duplicates, train = _duplicates(data, conditions, wanted, progress)
    warmth = _temperature(models, data, directory, conditions, wanted.calibrate, progress)
    scored = score_models(
        models, data, directory, conditions, ready=_fits(wanted.slices), progress=progress
    )
    last = _last(scored)
    members = tuple(evaluation_of(member, ks=conditions.ks) for member in scored.members)
    report = EvaluationReport(
        evaluation=evaluation_of(last, ks=conditions.ks) if scored.ensemble else members[0],
        data=f"{scored.images.name}, {scored.images.part}",
        members=members if scored.ensemble else (),
        calibration=calibrated(warmth, last, applied_to=scored.images.part) if warmth else None,
        slices=slices(last, wanted.slices) if wanted.slices else None,
        robustness=robustness_of(models[0], scored, conditions, directory, progress=progress)
        if wanted.robustness
        else None,
        duplicates=duplicates,
        without_duplicates=error_without(last, duplicates) if duplicates else None,
    )
    return scored, _written(report, scored, train, wanted)


def _written(
    report: "EvaluationReport", scored: "ScoredModels", train: "Split | None", wanted: Wanted
) -> "EvaluationReport":
    """The files that are wanted; a page also shows the images that it names."""
    from convatlas.evaluation import pictures_of, saver
    from convatlas.reports import pictured, write_evaluation

    if wanted.save is not None:
        saver(wanted.save)(_last(scored))
    if wanted.report is not None:
        sets = (scored.images, train) if train else (scored.images,)
        report = replace(report, pictures=pictures_of(pictured(report), *sets))
        write_evaluation(report, wanted.report)
    return report


def as_json_value(report: "EvaluationReport") -> dict[str, Any]:
    """Everything but the pictures; parts that were not asked for are left out."""
    from dataclasses import asdict

    value = report.evaluation.as_dict()
    if report.members:
        value["members"] = [member.as_dict() for member in report.members]
    for name in ("calibration", "slices", "robustness", "duplicates"):
        part = getattr(report, name)
        if part is not None:
            value[name] = asdict(part)
    if report.without_duplicates is not None:
        n, error = report.without_duplicates
        value["without_duplicates"] = {"n": n, "top1_error": error}
    return value


def _last(scored: "ScoredModels") -> "Scored":
    return scored.ensemble or scored.members[0]


def _temperature(
    models: Sequence[Path],
    data: str,
    directory: Path,
    conditions: "Conditions",
    split: Any,
    progress: "Progress",
) -> "Temperature | None":
    """Fitted on the images of `split`."""
    if split is None:
        return None
    from convatlas.device import score_models
    from convatlas.evaluation import fit_temperature

    other = score_models(
        models, data, directory / f"calibration-{split}", replace(conditions, part=split),
        progress=progress,
    )  # fmt: skip
    return fit_temperature(_last(other), fitted_on=f"{split} of {other.images.name}")


def _fits(table: Path | None) -> "Callable[[Images], None] | None":
    """What refuses images that the table of slices is not about."""
    from convatlas.evaluation import check_slices

    return None if table is None else lambda images: check_slices(images.names, table)


def _duplicates(
    data: str, conditions: "Conditions", wanted: Wanted, progress: "Progress"
) -> "tuple[NearDuplicates | None, Split | None]":
    """The near-duplicates, and the training images that they are like."""
    if not wanted.duplicates:
        return None, None
    from convatlas.data import open_dataset
    from convatlas.evaluation import near_duplicates

    dataset = open_dataset(
        data, seed=conditions.seed, unreadable=conditions.unreadable, progress=progress
    )
    return near_duplicates(dataset, progress=progress), dataset.train

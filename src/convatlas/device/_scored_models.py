"""Models in files, scored on a person's images: by one process or many, and again after a kill."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Literal, NamedTuple

from convatlas.data import Images, Part, Progress, open_images
from convatlas.device._model import open_model
from convatlas.errors import UserError
from convatlas.evaluation import (
    Contestant,
    Piece,
    Scored,
    Scorer,
    ScoringModel,
    Told,
    ensemble_of,
    numbered_for,
    plan,
    protocols,
    score,
    scored_by,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """How models are scored. `threads` are of each process."""

    protocol: str = "single_crop"
    preprocessing: str = "own"
    part: Part | None = None  # None: all of shards, the test images of other data
    seed: int = 0
    unreadable: Literal["skip", "refuse"] = "refuse"
    threads: int = 1
    processes: int = 1
    ks: tuple[int, ...] = ()  # of the top-k errors that will be asked for


class ScoredModels(NamedTuple):
    """The images, each model's scores, and those of the models' mean where there are several."""

    images: Images
    members: tuple[Scored, ...]
    ensemble: Scored | None


def score_models(
    paths: Sequence[Path],
    data: str,
    directory: Path,
    conditions: Conditions,
    *,
    ready: Callable[[Images], None] | None = None,
    progress: Progress | None = None,
) -> ScoredModels:
    """Bundles or ONNX files scored on the images that `data` names; scores stay in `directory`.

    Args:
        ready: sees the images before the first is scored, and may refuse them.

    Raises:
        UserError: if a model or the data cannot be opened, they do not fit each other, or the
            directory holds scores of other images or by another protocol.
    """
    protocol = protocols.parse(conditions.protocol)
    opened = [_opened(path, conditions) for path in paths]
    first = opened[0].classes
    _check_ks(conditions.ks, len(first))
    images = open_images(
        data,
        conditions.part,
        first,
        seed=conditions.seed,
        unreadable=conditions.unreadable,
        progress=progress,
    )
    contestants = [
        _contestant(path, model, protocol, images, conditions)
        for path, model in zip(paths, opened, strict=True)
    ]
    _refuse_twins(paths, contestants)
    if ready is not None and len(images):
        ready(images)
    members = _told_apart(
        paths,
        [
            scored_by(
                net,
                numbered_for(images, first, net.classes),
                directory,
                processes=conditions.processes,
                unreadable=conditions.unreadable,
                progress=progress,
            )
            for net in contestants
        ],
    )
    ensemble = ensemble_of(members, directory) if len(members) > 1 else None
    return ScoredModels(images, members, ensemble)


def _told_apart(paths: Sequence[Path], members: Sequence[Scored]) -> tuple[Scored, ...]:
    """Nets that go by one name also by their files'."""
    names = [member.model for member in members]
    return tuple(
        replace(member, model=f"{member.model} ({path})")
        if names.count(member.model) > 1
        else member
        for path, member in zip(paths, members, strict=True)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opener:
    """Opens a model in whichever process is to score with it."""

    path: Path
    fingerprint: str
    protocol: protocols.Protocol
    images: Images
    conditions: Conditions

    def __call__(self) -> Scorer:
        model = _opened(self.path, self.conditions)
        if _fingerprint(self.path) != self.fingerprint:
            raise UserError(f"{str(self.path)!r} was changed meanwhile. Evaluate it again.")

        def scorer(numbers: range, told: Told) -> Piece:
            threads = self.conditions.threads
            found = score(model, self.images, self.protocol, numbers, threads=threads, told=told)
            if found.unreadable and self.conditions.unreadable == "refuse":
                number, reason = found.unreadable[0]
                raise UserError(
                    f"Image {self.images.names[number]!r} cannot be read: {reason}. Mend or "
                    "remove it, or leave such images out with --unreadable skip."
                )
            return Piece(*found)

        return scorer


def _opened(path: Path, conditions: Conditions) -> ScoringModel:
    model = open_model(path, threads=conditions.threads).scoring
    return model.with_preset(conditions.preprocessing)


def _contestant(
    path: Path,
    model: ScoringModel,
    protocol: protocols.Protocol,
    images: Images,
    conditions: Conditions,
) -> Contestant:
    planned = plan(protocol, model)
    fingerprint = _fingerprint(path)
    return Contestant(
        name=model.name,
        fingerprint=fingerprint,
        classes=model.classes,
        protocol=model.recorded(planned.protocol),
        num_views=sum(use.num_views for use in planned.uses),
        opener=_Opener(
            path=path,
            fingerprint=fingerprint,
            protocol=planned.protocol,
            images=images,
            conditions=conditions,
        ),
    )


def _fingerprint(path: Path) -> str:
    """Of the content of a file, or of all files of a bundle."""
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    digest = sha256()
    for file in files:
        if file.is_file() and not file.name.startswith("."):
            with file.open("rb") as content:
                while part := content.read(1 << 20):
                    digest.update(part)
    return digest.hexdigest()


def _refuse_twins(paths: Sequence[Path], contestants: Sequence[Contestant]) -> None:
    seen: dict[str, Path] = {}
    for path, net in zip(paths, contestants, strict=True):
        other = seen.setdefault(net.fingerprint, path)
        if other is not path:
            raise UserError(
                f"{str(path)!r} and {str(other)!r} hold the same net. Give each net once."
            )


def _check_ks(ks: Sequence[int], k: int) -> None:
    """Before hours of scoring, not behind them."""
    outside = [number for number in ks if not 1 <= number <= k]
    if outside:
        raise UserError(f"top-{outside[0]} error: there are {k} classes, so k is 1 to {k}.")

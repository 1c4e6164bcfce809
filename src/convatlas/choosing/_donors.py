"""Trained nets that candidates may start from: the bundles in a folder."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from convatlas import bundle
from convatlas.choosing._candidates import Candidate
from convatlas.data import Preprocessing
from convatlas.errors import UserError
from convatlas.training.transfer import Donor, seen_as, start_from

RECIPE = "fine-tune"  # of candidates that start from a bundle
_SUFFIX = ".bundle"
_Key = tuple[str, float]  # variant and width multiplier


@dataclass(frozen=True, kw_only=True)
class Donors:
    """Bundles by the variant and width of their nets, each with the SHA-256 of its weights."""

    bundles: Mapping[_Key, tuple[Path, str]] = field(default_factory=dict)
    classes: Sequence[str] = ()  # of the data
    seed: int = 0  # of classifiers that are made anew

    @property
    def digests(self) -> dict[str, str]:
        """What a search depends on: equal on machines that keep the bundles in other folders."""
        return {f"{v} x{width:g}": sha256 for (v, width), (_, sha256) in self.bundles.items()}

    def assign(self, candidates: Iterable[Candidate], say: Callable[[str], None]) -> None:
        """Note at each candidate what it starts from; say which bundles fit none."""
        used: dict[_Key, str] = {}
        for candidate in candidates:
            key = _key(candidate)
            if key not in self.bundles:
                continue
            path, sha256 = self.bundles[key]
            try:
                self._started(candidate, path)
            except UserError as error:
                used.setdefault(key, str(error))
            else:
                used[key] = ""
                candidate.start = {"bundle": path.name, "sha256": sha256}
        for key, (path, _) in self.bundles.items():
            why = used.get(key, f"no candidate is {key[0]} x{key[1]:g}")
            if why:
                say(f"nothing starts from {path.name}: {why}")

    def tensors(self, candidate: Candidate) -> Mapping[str, Tensor] | None:
        """The weights that a candidate starts with; None: as built.

        Raises:
            UserError: if its bundle is another one than when the candidate was listed.
        """
        if candidate.start is None:
            return None
        return start_from(
            self._donor(candidate),
            candidate.variant,
            candidate.spec,
            self.classes,
            seed=self.seed,
        ).tensors

    def preprocessing(self, candidate: Candidate, own: Preprocessing) -> Preprocessing:
        """`own`, with the mean and std that the candidate's start was trained with."""
        if candidate.start is None:
            return own
        return seen_as(own, self._donor(candidate).preprocessing)

    def history(self, candidate: Candidate) -> list[dict[str, Any]]:
        """What the candidate's bundle says of its start."""
        return [] if candidate.start is None else self._donor(candidate).history()

    def _donor(self, candidate: Candidate) -> Donor:
        assert candidate.start is not None  # noqa: S101  callers looked
        path, _ = self.bundles.get(_key(candidate), (Path(candidate.start["bundle"]), ""))
        donor = _read(path)
        if donor.info.weights_sha256 != candidate.start["sha256"]:
            raise UserError(
                f"{str(path)!r} is another net than when the search began. Put the bundle back, or "
                "give another directory with --out."
            )
        return donor

    def _started(self, candidate: Candidate, path: Path) -> None:
        start_from(_read(path), candidate.variant, candidate.spec, self.classes, seed=self.seed)


def donors_in(folder: str | None, classes: Sequence[str], *, seed: int) -> Donors:
    """The bundles in a folder; None: no candidate has a start.

    Raises:
        UserError: if it holds no bundle, one that cannot be read, or two of the same net.
    """
    if folder is None:
        return Donors()
    found: dict[_Key, tuple[Path, str]] = {}
    for path in sorted(Path(folder).glob(f"*{_SUFFIX}")):
        info = _read(path).info
        key = (info.variant, float(info.spec["width_multiplier"]))
        if key in found:
            raise UserError(
                f"{str(found[key][0])!r} and {str(path)!r} are both {key[0]} x{key[1]:g}. "
                "Keep one of them in the folder."
            )
        found[key] = (path, info.weights_sha256)
    if not found:
        raise UserError(
            f"--from-dir {folder!r} holds no bundle. Give a folder with directories that end in "
            f"{_SUFFIX}, as `convatlas train` and `convatlas import` write them."
        )
    return Donors(bundles=found, classes=tuple(classes), seed=seed)


def _key(candidate: Candidate) -> _Key:
    return candidate.variant, candidate.spec.width_multiplier


def _read(path: Path) -> Donor:
    loaded = bundle.load(path)
    return Donor(asked=str(path), info=loaded.info, net=loaded.net)

"""Weights from a repository of the Hugging Face hub: one commit, safetensors, checksum kept."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from convatlas.errors import UserError

PREFIX = "hub:"
MAX_FILE_BYTES = 4 << 30
_MAX_BESIDE_BYTES = 8 << 20  # of what describes the weights
_PLACE = re.compile(r"hub:([\w.-]+(?:/[\w.-]+)?)(?:@([\w./-]+))?", re.ASCII)
_BUNDLE = ("bundle.json", "weights.safetensors")
_USUAL = "model.safetensors"
_CONFIG = "config.json"
_WITHOUT = "Without a network give a bundle or a file instead."


@dataclass(frozen=True, slots=True)
class Place:
    """A repository, and the branch, tag or commit that was asked for; None: its main branch."""

    repository: str
    revision: str | None

    def __str__(self) -> str:
        return f"{PREFIX}{self.repository}" + (f"@{self.revision}" if self.revision else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """A file of one commit, on this machine."""

    file: Path
    commit: str  # what the revision stood for
    sha256: str
    is_bundle: bool  # a convatlas bundle: bundle.json lies beside the file
    statistics: Mapping[str, Any] | None = None  # mean and std that config.json states


def place_of(text: str) -> Place:
    """The place that hub:OWNER/NAME[@REVISION] names.

    Raises:
        UserError: for another form.
    """
    found = _PLACE.fullmatch(text)
    if found is None:
        raise UserError(
            f"{text!r} is no repository. Give {PREFIX}OWNER/NAME or {PREFIX}OWNER/NAME@REVISION "
            "with a branch, a tag or a commit."
        )
    return Place(found[1], found[2])


def download(place: Place) -> Download:
    """The weights at a place: the revision is resolved to a commit first, and that is fetched.

    Raises:
        UserError: without huggingface_hub, without a network, for what the hub does not have, or
            a repository without exactly one safetensors file to take.
    """
    hub = _huggingface_hub()
    try:
        about = hub.HfApi().model_info(
            place.repository, revision=place.revision, files_metadata=True
        )
        name = _chosen(place, [sibling.rfilename for sibling in about.siblings or ()])
        there = {sibling.rfilename: sibling for sibling in about.siblings}
        _check_size(place, name, there[name].size)

        def fetched(file: str) -> Path:
            return Path(hub.hf_hub_download(place.repository, file, revision=about.sha))

        is_bundle = name == _BUNDLE[1]
        beside = _BUNDLE[0] if is_bundle else _CONFIG
        if beside not in there or (there[beside].size or 0) > _MAX_BESIDE_BYTES:
            beside = ""
        described = fetched(beside) if beside else None
        file = fetched(name)
    except UserError:
        raise
    except Exception as error:  # of httpx, requests, the hub's own: whatever the client passes on
        raise _explained(place, error) from error
    return Download(
        file=file,
        commit=about.sha,
        sha256=_checksum(place, file, getattr(there[name].lfs, "sha256", None)),
        is_bundle=is_bundle,
        statistics=_statistics(described) if described and not is_bundle else None,
    )


def _huggingface_hub() -> Any:
    try:
        import huggingface_hub
    except ImportError:
        raise UserError(
            f"{PREFIX} needs huggingface_hub. Install it: pip install 'convatlas[hub]'."
        ) from None
    return huggingface_hub


def _chosen(place: Place, names: Sequence[str]) -> str:
    """Of a repository's files the one with the weights: a bundle's, the usual one, the only one."""
    if set(_BUNDLE) <= set(names):
        return _BUNDLE[1]
    weights = [name for name in names if name.endswith(".safetensors")]
    if _USUAL in weights:
        return _USUAL
    if len(weights) == 1:
        return weights[0]
    listed = ", ".join(map(repr, sorted(weights)[:5])) or "none"
    raise UserError(
        f"{str(place)!r} does not hold one safetensors file with a net's weights: it has {listed} "
        f"among its {len(names)} files. Files of other kinds are never read. "
        "Download the right one and give it as a file."
    )


def _check_size(place: Place, name: str, size: int | None) -> None:
    if size is not None and size > MAX_FILE_BYTES:
        raise UserError(
            f"{name!r} of {str(place)!r} has {size:,} bytes; {MAX_FILE_BYTES:,} are allowed."
        )


def _checksum(place: Place, file: Path, stated: str | None) -> str:
    """SHA-256 of a file, which the hub states unless the file is a small one.

    Raises:
        UserError: if that is another.
    """
    with file.open("rb") as opened:
        found = hashlib.file_digest(opened, "sha256").hexdigest()
    if stated not in (None, found):
        raise UserError(
            f"{file.name!r} of {str(place)!r} arrived with SHA-256 {found}; the hub states "
            f"{stated}. Remove it from the cache of huggingface_hub and try again."
        )
    return found


def _explained(place: Place, error: Exception) -> UserError:
    kind, reason = type(error).__name__, str(error).strip().split("\n")[0][:200]
    if kind in ("RepositoryNotFoundError", "GatedRepoError", "HFValidationError"):
        what = "is not there, or only for those who are signed in"
    elif kind == "RevisionNotFoundError":
        what = f"has no revision {place.revision!r}"
    else:
        what = "could not be fetched"
    return UserError(f"{str(place)!r} {what} ({kind}: {reason}). {_WITHOUT}")


def _statistics(config: Path) -> dict[str, list[float]] | None:
    """Mean and std of the images that timm's config.json states; None where it does not."""
    try:
        stated = json.loads(config.read_bytes()).get("pretrained_cfg")
        found = {name: list(stated[name]) for name in ("mean", "std")}
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None
    numbers = [v for values in found.values() for v in values]
    fits = all(type(v) in (int, float) and isfinite(v) for v in numbers)
    return found if fits and all(len(v) == 3 for v in found.values()) else None

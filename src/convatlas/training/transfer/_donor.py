"""What a training starts from: a bundle, a library's checkpoint, a repository's file."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from convatlas import bundle
from convatlas.bundle import BundleInfo
from convatlas.data import Preprocessing
from convatlas.errors import UserError
from convatlas.foreign import import_checkpoint
from convatlas.training.transfer._hub import PREFIX, download, place_of

_MADE = "start.bundle"  # in the run's folder: what was imported, so that a run goes on without it


@dataclass(frozen=True, slots=True, kw_only=True)
class Donor:
    """A trained net that another one starts from."""

    asked: str  # as the person wrote it
    info: BundleInfo
    net: nn.Module

    @property
    def preprocessing(self) -> Preprocessing:
        """From an image to the donor's input."""
        return Preprocessing.from_dict(self.info.preprocessing)

    def history(self, **more: Any) -> list[dict[str, Any]]:
        """The rows of a bundle that starts from this donor: its own, then where it was taken."""
        row = {
            "step": "start",
            "from": Path(self.asked).name,
            "net": self.info.variant,
            "classes": len(self.info.classes),
            "sha256": self.info.weights_sha256,
            **more,
        }
        return [*self.info.history, row]


def donor_of(asked: str, variant: str, folder: Path) -> Donor:
    """The net at `asked`: a bundle's directory, a checkpoint's file or hub:REPO[@REVISION].

    What is no bundle is imported as `variant` into `folder`, and taken from there when the run is
    taken up again: a repository then need not be reached.

    Raises:
        UserError: naming what cannot be read or does not fit.
    """
    if asked.startswith(PREFIX):
        path = _from_hub(asked, variant, folder / _MADE)
    elif Path(asked).is_file():
        path = _imported(Path(asked), variant, folder / _MADE)
    elif Path(asked).is_dir():
        path = Path(asked)
    else:
        raise UserError(
            f"There is no {asked!r} to start from. Give a .bundle directory, a .safetensors or "
            f".pth file, or {PREFIX}OWNER/NAME with a repository on the Hugging Face hub."
        )
    loaded = bundle.load(path)
    return Donor(asked=asked, info=loaded.info, net=loaded.net)


def _imported(file: Path, variant: str, made: Path) -> Path:
    """The bundle of a checkpoint; the one that is there, if it was made of the same bytes."""
    with file.open("rb") as opened:
        sha256 = hashlib.file_digest(opened, "sha256").hexdigest()
    if not _was_made(made, variant, {"step": "import", "sha256": sha256}):
        import_checkpoint(file, made, variant=variant)
    return made


def _from_hub(asked: str, variant: str, made: Path) -> Path:
    place = place_of(asked)
    known = {"step": "download", "repository": place.repository, "asked": place.revision}
    if _was_made(made, variant, known):
        return made
    found = download(place)
    row = {**known, "revision": found.commit, "file": found.file.name, "sha256": found.sha256}
    if found.is_bundle:
        loaded = bundle.load(found.file.parent)
        info, net = loaded.info, loaded.net
        if info.variant != variant:
            raise UserError(
                f"{asked!r} holds a bundle of {info.variant!r}, not {variant!r}. Give --net "
                f"{info.variant}."
            )
    else:
        imported = import_checkpoint(found.file, made, variant=variant)
        info, net = imported.info, bundle.load(made).net
    changes: dict[str, Any] = {"history": [row, *info.history]}
    if found.statistics is not None:
        changes["preprocessing"] = {**info.preprocessing, **found.statistics}
    bundle.save(made, net, info.model_copy(update=changes))
    return made


def _was_made(made: Path, variant: str, row: Mapping[str, Any]) -> bool:
    """Whether `made` is a bundle of `variant` whose history has a row with these values."""
    if not made.is_dir():
        return False
    info = bundle.load(made).info
    rows = (there for there in info.history if row.items() <= there.items())
    return info.variant == variant and next(rows, None) is not None

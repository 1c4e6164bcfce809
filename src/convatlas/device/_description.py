"""What an ONNX file says of itself, read with every limit checked: the file may be hostile."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from convatlas.data import ChannelOrder, Interpolation, Preprocessing
from convatlas.deployment import METADATA_KEY
from convatlas.errors import UserError

MAX_BYTES = 8 << 20  # as of a bundle's description
MAX_CLASSES = 100_000
_SHOWN_ERRORS = 3
_SHOWN_INPUT = 60  # characters


def _different(names: list[str]) -> list[str]:
    if len(set(names)) != len(names):
        raise ValueError("a class is listed twice")
    return names


Name = Annotated[str, Field(min_length=1, max_length=1_000)]
Row = Annotated[list[float], Field(min_length=1, max_length=3)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, allow_inf_nan=False, extra="ignore")


class StoredPreprocessing(_Strict):
    """The fields of `Preprocessing` as JSON has them."""

    model_config = ConfigDict(extra="forbid")

    side: Annotated[int, Field(ge=1, le=1 << 20)]
    channels: Literal[1, 3]
    mean: Row
    std: Row
    crop_share: float = 1.0
    interpolation: Interpolation = "bilinear"
    channel_order: ChannelOrder = "rgb"

    def checked(self, path: Path) -> Preprocessing:
        """As `Preprocessing`, whose own limits hold too."""
        try:
            return Preprocessing.from_dict(self.model_dump())
        except UserError as error:
            raise UserError(f"{str(path)!r} cannot be used. {error} {_ADVICE}") from error


class Description(_Strict):
    """What is needed to use a net; further fields are left alone."""

    name: Name
    classes: Annotated[
        list[Name], Field(min_length=1, max_length=MAX_CLASSES), AfterValidator(_different)
    ]
    preprocessing: StoredPreprocessing


_ADVICE = "Export it again from its bundle with `convatlas export`."


def described(path: Path, metadata: Mapping[str, str]) -> Description:
    """The description among the texts of the ONNX file at `path`.

    Raises:
        UserError: naming the file and the field, if there is none or it cannot be used.
    """
    stored = metadata.get(METADATA_KEY)
    if stored is None:
        raise UserError(
            f"{str(path)!r} does not say its classes and preprocessing, so it was not written by "
            "`convatlas export`. Give a file that was, or the bundle."
        )
    if (size := len(stored.encode())) > MAX_BYTES:
        raise UserError(
            f"{str(path)!r} describes itself in {size:,} bytes; {MAX_BYTES:,} are allowed. "
            f"{_ADVICE}"
        )
    try:
        return Description.model_validate_json(stored)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False)
        told = "; ".join(
            f"{'.'.join(map(str, e['loc'])) or 'the text'}: {e['msg']}, got {_short(e['input'])}"
            for e in found[:_SHOWN_ERRORS]
        )
        more = f"; and {len(found) - _SHOWN_ERRORS} more" if len(found) > _SHOWN_ERRORS else ""
        raise UserError(
            f"{str(path)!r} does not say its classes and preprocessing in a usable way: "
            f"{told}{more}. {_ADVICE}"
        ) from error


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN_INPUT else f"{text[:_SHOWN_INPUT]}..."

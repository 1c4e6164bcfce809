"""What bundle.json holds, and its limits."""

import platform
from importlib.metadata import version
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue

import convatlas

FORMAT = 1
MAX_CLASSES = 100_000
MAX_ROWS = 10_000  # of metrics and of history


def _different(names: list[str]) -> list[str]:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"class {name!r} is listed twice")
        seen.add(name)
    return names


Name = Annotated[str, Field(min_length=1, max_length=1_000)]
Classes = Annotated[
    list[Name], Field(min_length=1, max_length=MAX_CLASSES), AfterValidator(_different)
]
Row = dict[str, JsonValue]


class BundleInfo(BaseModel):
    """Everything a bundle says of its weights.

    `family` and `spec` say the network, `variant` the name it goes by. `history` has a row per
    change made to the trained weights. `weights_sha256` is filled in by `save`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    format: Literal[1] = 1
    name: Name
    family: Name
    variant: Name
    spec: dict[str, Any]
    classes: Classes
    preprocessing: dict[str, Any]
    recipe: dict[str, Any] | None = None
    metrics: Annotated[list[Row], Field(max_length=MAX_ROWS)] = []
    history: Annotated[list[Row], Field(max_length=MAX_ROWS)] = []
    versions: Annotated[dict[Name, Name], Field(max_length=100)]
    weights_sha256: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""


def versions() -> dict[str, str]:
    """The versions that weights depend on."""
    return {
        "convatlas": convatlas.__version__,
        "torch": version("torch"),
        "python": platform.python_version(),
    }

"""What `predict --heatmap` asks for."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from convatlas.evaluation import HeatmapFiles


def heatmaps(
    model: Path,
    places: Sequence[str],
    *,
    method: Literal["cam", "gradcam", "classmap"] | None,
    out: Path | None,
    label: str | None,
    side: int | None,
) -> "HeatmapFiles | None":
    """What draws the heat maps; None if nobody asked for them.

    Raises:
        UserError: for options that do not go together, or a net without what `method` needs.
    """
    from convatlas import bundle
    from convatlas.errors import UserError
    from convatlas.evaluation import HeatmapFiles

    if method is None or out is None:
        if any(value is not None for value in (method, out, label, side)):
            raise UserError(
                "Heat maps need both --heatmap and --out; --class and --side are for them. "
                "Example: --heatmap gradcam --out heatmaps"
            )
        return None
    if model.is_file():
        raise UserError(
            f"Heat maps need the layers of a net, which {str(model)!r} does not tell. Give the "
            ".bundle that it was exported from."
        )
    loaded = bundle.load(model)
    return HeatmapFiles(
        loaded.net,
        method,
        classes=loaded.info.classes,
        preprocessing=loaded.preprocessing,
        folder=out,
        places=places,
        label=label,
        side=side,
    )

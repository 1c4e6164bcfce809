"""A protocol made ready for a net, and what it shows of one image."""

from dataclasses import dataclass
from typing import NamedTuple

from convatlas.data import Picture
from convatlas.errors import UserError
from convatlas.evaluation._scoring_model import ScoringModel
from convatlas.evaluation.protocols import Array, Canvas, Dense, Misfit, Protocol, Use

MAX_VIEW_BYTES = 2 << 30  # of one image's crops together


class View(NamedTuple):
    """One input of a net."""

    pixels: Array  # [h, w, c]
    leaf: int  # number of the leaf it belongs to


@dataclass(frozen=True, slots=True)
class Plan:
    """A protocol whose sizes are all said and fit the net."""

    protocol: Protocol
    uses: tuple[Use, ...]
    channels: int

    def views(self, picture: Picture) -> list[View]:
        """Leaf by leaf: its views, then the same mirrored."""
        canvas = Canvas(picture, 1 if self.channels == 1 else 3)
        found = []
        for number, use in enumerate(self.uses):
            straight = use.leaf.views(canvas)
            mirrored = [pixels[:, ::-1] for pixels in straight] if use.mirror else []
            found += [View(pixels, number) for pixels in (*straight, *mirrored)]
        return found


def plan(protocol: Protocol, model: ScoringModel) -> Plan:
    """`protocol` with the model's own sizes where it names none.

    Raises:
        UserError: if the model cannot be scored by it, with what it can be scored by.
    """
    own = model.preprocessing
    try:
        resolved = protocol.resolved(own)
    except Misfit as error:
        raise UserError(
            f"Protocol {str(protocol)!r} does not fit {model.name!r}: {error}."
        ) from error
    uses = tuple(resolved.uses())
    for use in uses:
        side = use.leaf.side
        if isinstance(use.leaf, Dense) and model.class_map is None:
            raise UserError(
                f"{model.name!r} cannot be scored by {str(use.leaf)!r}: dense evaluation needs the "
                "net itself, and this is a file that only classifies. Give its bundle, or use "
                "multi_crop."
            )
        if model.one_size and side is not None and side != own.side:
            raise UserError(
                f"{model.name!r} takes images of {own.side} x {own.side} only, so it cannot be "
                f"scored by {str(use.leaf)!r}. Leave crop out, or give its bundle."
            )
        if side is not None and use.num_views * side**2 * own.channels > MAX_VIEW_BYTES:
            raise UserError(
                f"{str(use.leaf)!r} is {use.num_views:,} views of {side} x {side} of each image, "
                f"more than {MAX_VIEW_BYTES:,} bytes. Use fewer or smaller ones."
            )
    return Plan(resolved, uses, own.channels)

"""Which library's net a checkpoint is, and the commands to offer where that is open."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from convatlas import models
from convatlas.errors import UserError
from convatlas.foreign._candidates import Candidate, candidates
from convatlas.foreign._checkpoint import Checkpoint
from convatlas.foreign._short import short
from convatlas.foreign._source import Library, Source
from convatlas.foreign._sources import sources, sources_of

_MOST_COMMANDS = 20
_EXAMPLES = 3


def chosen_source(checkpoint: Checkpoint, variant: str, library: Library | None) -> Source:
    """The library's table that the names of the tensors agree with best.

    Raises:
        UserError: where no library has the variant, or two that would prepare images otherwise.
    """
    known = sources_of(variant)
    if not known:
        raise UserError(_unknown(variant))
    known = tuple(source for source in known if library in (None, source.library))
    if not known:
        raise UserError(
            f"{library} has no net that equals {variant!r}; "
            f"{', '.join(s.library for s in sources_of(variant))} has. Leave --library away."
        )
    if len(known) == 1:
        return known[0]
    ranked = candidates(checkpoint.shapes, variant, known)
    best = [c for c in ranked if c.comparison.differences == ranked[0].comparison.differences]
    if ranked[0].comparison.differences or not _prepare_otherwise(best):
        return best[0].source
    raise UserError(
        f"{str(checkpoint.path)!r} fits {' and '.join(c.their_name for c in best)} alike, which "
        "prepare images in other ways. Say whose it is with --library "
        f"{' or --library '.join(c.source.library for c in best)}."
    )


def _prepare_otherwise(found: Sequence[Candidate]) -> bool:
    ways = {(s.mean, s.std, s.crop_share, s.input_side) for s in (c.source for c in found)}
    return len(ways) > 1


def _unknown(variant: str) -> str:
    """What to say of a name that no library's table has."""
    same = [
        f"{source.library}'s {variant} is our {ours!r}"
        for source in sources()
        for ours, theirs in source.variants.items()
        if theirs == variant
    ]
    if same:
        return f"No net named {variant!r} can be imported; {', '.join(same)}."
    models.family_of(variant)  # tells the nearest names where there is no such variant
    listed = sorted({name for source in sources() for name in source.variants})
    return (
        f"No library has a net that equals our {variant!r}, so no checkpoint of it can be "
        f"imported. These can: {', '.join(listed)}."
    )


def ways_to_import(
    checkpoint: Checkpoint,
    out: Path,
    *,
    library: Library | None = None,
    classes: Path | None = None,
) -> str:
    """What `checkpoint` may be, with a command for each net that it fits.

    Args:
        library: only its nets.
        classes: goes into the commands.
    """
    among = tuple(source for source in sources() if library in (None, source.library))
    ranked = candidates(checkpoint.shapes, among=among)
    fitting = [c for c in ranked if not c.comparison.differences]
    if not fitting:
        return _no_fit(checkpoint, next((c for c in ranked if _speaks_alike(c)), None))
    rest = (
        ["--out", str(out)] if classes is None else ["--classes", str(classes), "--out", str(out)]
    )
    lines = _commands(fitting, str(checkpoint.path), rest)
    count = "1 net" if len(lines) == 1 else f"{len(lines)} nets"
    more = f"\n  and {len(lines) - _MOST_COMMANDS} more" if len(lines) > _MOST_COMMANDS else ""
    return (
        f"{str(checkpoint.path)!r} fits {count} by the names and shapes of its tensors. Strides "
        "and activations leave no trace there: say which net it is.\n  "
        + "\n  ".join(lines[:_MOST_COMMANDS])
        + more
    )


def _speaks_alike(candidate: Candidate) -> bool:
    return not candidate.comparison.speaks_otherwise


def _no_fit(checkpoint: Checkpoint, nearest: Candidate | None) -> str:
    """Nothing fits: what comes nearest, if anything does."""
    told = f"{str(checkpoint.path)!r} fits none of the nets that can be imported. "
    if nearest is None:
        names = ", ".join(short(name) for name in list(checkpoint.tensors)[:_EXAMPLES])
        return (
            f"{told}The names of its tensors ({names}, ...) are neither torchvision's nor timm's "
            "for any of them. Give the state dict of one of their nets."
        )
    return (
        f"{told}Nearest: {nearest.variant} ({nearest.their_name}), "
        f"{nearest.comparison.differences} tensors differ: {nearest.comparison.told()}."
    )


def _commands(fitting: Sequence[Candidate], file: str, rest: Sequence[str]) -> list[str]:
    """One for each variant; two where libraries prepare images in different ways."""
    by_variant: dict[str, list[Candidate]] = {}
    for candidate in fitting:
        by_variant.setdefault(candidate.variant, []).append(candidate)
    lines = []
    for variant, found in by_variant.items():
        open_choice = _prepare_otherwise(found)
        for candidate in found if open_choice else found[:1]:
            whose = ["--library", candidate.source.library] if open_choice else []
            words = ["convatlas", "import", file, "--as", variant, *whose, *rest]
            lines.append(shlex.join(words))
    return lines

"""Which of our nets a file's tensors could belong to, by their names and shapes."""

from collections.abc import Mapping
from dataclasses import dataclass

from convatlas.analysis import without_weights
from convatlas.foreign._convert import Comparison, Shape, compare, logits_layer, net_for
from convatlas.foreign._source import Source
from convatlas.foreign._sources import sources


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A variant, as a library has it, beside a file."""

    variant: str
    source: Source
    comparison: Comparison

    @property
    def their_name(self) -> str:
        """What the library calls it."""
        return f"{self.source.library}'s {self.source.variants[self.variant]}"


def candidates(
    shapes: Mapping[str, Shape], variant: str | None = None, among: tuple[Source, ...] = ()
) -> list[Candidate]:
    """The variants of the sources beside a file, the best agreement first.

    Where the first net of a table shares next to no names with the file, no other net with this
    way of naming is built. The number of classes does not count: a net may have been trained on
    other classes.

    Args:
        variant: only this one.
        among: only these sources.
    """
    found: list[Candidate] = []
    strange = set()  # ways of naming that the file does not follow
    for source in (s for s in among or sources() if s.layers not in strange):
        for name in (n for n in source.variants if variant in (None, n)):
            comparison = _beside(shapes, name, source)
            found.append(Candidate(variant=name, source=source, comparison=comparison))
            if comparison.speaks_otherwise:
                strange.add(source.layers)
                break
    return sorted(found, key=lambda candidate: candidate.comparison.differences)


def _beside(shapes: Mapping[str, Shape], variant: str, source: Source) -> Comparison:
    with without_weights():
        net, spec = net_for(variant, source)
    last = logits_layer(shapes, net, source)
    as_ours = {
        name: (spec.num_classes, *shape[1:]) if name in last and shape else shape
        for name, shape in shapes.items()
    }
    return compare(as_ours, net, source)

"""What the notes get wrong: figures that nets and papers contradict, and sentences."""

from convatlas.facts.slips.figures import FIGURES
from convatlas.facts.slips.sentences import SENTENCES

__all__ = ["SLIPS"]

SLIPS = FIGURES + SENTENCES

"""Transfer: weights that were trained before, and teachers that were."""

from convatlas.training.transfer._donor import Donor, donor_of
from convatlas.training.transfer._fit import seen_as
from convatlas.training.transfer._start import Start, graft, start_from
from convatlas.training.transfer._teacher import Teacher

__all__ = ["Donor", "Start", "Teacher", "donor_of", "graft", "seen_as", "start_from"]

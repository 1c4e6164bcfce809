"""Errors that papers print for the zoo's nets, each with how it was measured."""

from convatlas.facts.accuracies._lookup import all_published, headline, headline_of, published
from convatlas.facts.accuracies._published import Data, Published

__all__ = ["Data", "Published", "all_published", "headline", "headline_of", "published"]

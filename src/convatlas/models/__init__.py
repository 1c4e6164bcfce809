"""The zoo: one file per family, variants as data, the papers' figures beside them."""

from convatlas.models._family import Family, Spec
from convatlas.models._zoo import (
    build,
    families,
    family_of,
    find,
    from_spec,
    later_fields,
    spec_of,
    variants,
)

__all__ = [
    "Family",
    "Spec",
    "build",
    "families",
    "family_of",
    "find",
    "from_spec",
    "later_fields",
    "spec_of",
    "variants",
]

"""Write what `convatlas models` lists, so that the listing needs neither torch nor a net.

Run: `.venv/bin/python benchmarks/counts.py` (seconds).
"""

import json
from typing import Any

from convatlas import models
from convatlas.analysis import Measured
from convatlas.cli.models import CATALOGUE


def catalogue() -> dict[str, Any]:
    """Families with their papers, and variants with what counting gives."""
    return {
        "families": {
            name: {
                "title": family.title,
                "key": family.paper.key,
                "paper": f"{family.paper.title}, {family.paper.venue}",
                "link": family.paper.link,
            }
            for name, family in models.families().items()
        },
        "variants": {name: entry(name) for name in models.find()},
    }


def entry(variant: str) -> dict[str, Any]:
    """A variant's line."""
    spec, net = models.spec_of(variant), Measured(variant)
    return {
        "family": models.family_of(variant).name,
        "input": [spec.in_channels, spec.input_side, spec.input_side],
        "num_classes": spec.num_classes,
        "params": net.figure("params"),
        "mult_adds": net.figure("mult_adds"),
    }


if __name__ == "__main__":
    CATALOGUE.write_text(json.dumps(catalogue(), indent=1) + "\n")

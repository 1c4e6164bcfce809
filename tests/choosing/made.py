"""Candidates made up for tests."""

from convatlas.choosing._candidates import Candidate
from convatlas.models import Spec


def candidate(name: str, family: str = "f", **changes: object) -> Candidate:
    given = {
        "id": name,
        "variant": name,
        "family": family,
        "spec": Spec(),
        "params": 1,
        "mult_adds": 1000,
        "size_bytes": 1000,
        "predicted_memory_bytes": 1000,
        **changes,
    }
    return Candidate(**given)

"""The right net for a person's own images and device: search under budgets."""

from convatlas.choosing._budget import Budgets
from convatlas.choosing._choose import Choice, choose
from convatlas.choosing._request import Request

__all__ = ["Budgets", "Choice", "Request", "choose"]

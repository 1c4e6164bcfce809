"""What every command reads or writes: weights, and everything needed to use them."""

from convatlas.bundle._info import BundleInfo, versions
from convatlas.bundle._load import Bundle, load
from convatlas.bundle._save import save

__all__ = ["Bundle", "BundleInfo", "load", "save", "versions"]

"""Nets as files that run without this package, and the proof that they compute the same."""

from convatlas.deployment._metadata import METADATA_KEY, bundle_metadata, read_metadata
from convatlas.deployment._onnx import export_onnx, to_onnx
from convatlas.deployment._parity import Parity, parity

__all__ = [
    "METADATA_KEY",
    "Parity",
    "bundle_metadata",
    "export_onnx",
    "parity",
    "read_metadata",
    "to_onnx",
]

"""Equality of outputs with independent implementations under the same weights."""

"""convatlas: a workbench for convolutional image classifiers, from LeNet-5 to CondenseNet.

The rooms are imported by name (``from convatlas import models``); importing the package itself
loads nothing heavy.
"""

__all__ = ["__version__"]

__version__ = "0.1.0"

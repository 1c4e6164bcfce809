"""`python -m convatlas`, as torchrun starts it."""

from convatlas.cli import main

main()

"""The first thing a program does: it loads its modules without the garbage collector walking them.

Apart from every other module, so that nothing heavy is imported before it.
"""

import gc


def begin() -> None:
    """Collects nothing until `shared.serve.settle_memory`: what is loaded at start stays for good,
    and looking through it again and again was a quarter of the time to the first answer."""
    gc.disable()


def end() -> None:
    """For what runs a while without serving."""
    gc.enable()

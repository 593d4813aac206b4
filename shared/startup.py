"""The first thing a program does: it loads its modules without the garbage collector walking them,
and without what it never uses.

Apart from every other module, so that nothing heavy is imported before it.
"""

import gc
import sys


def begin() -> None:
    """Collects nothing until `shared.serve.settle_memory`: what is loaded at start stays for good,
    and looking through it again and again was a quarter of the time to the first answer."""
    gc.disable()
    # structlog loads it, where a tool has brought it, to draw tracebacks; our lines are JSON.
    sys.modules.setdefault("rich", None)  # type: ignore[arg-type]


def end() -> None:
    """For what runs a while without serving."""
    gc.enable()

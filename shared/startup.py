"""The first step of a program: it speeds up the import of all other modules.

It imports no other module of ours, so that nothing heavy is loaded before it.
"""

import gc
import sys


def begin() -> None:
    """Switches garbage collection off until `shared.serve.settle_memory`. Modules loaded at start
    stay in memory, and scanning them took a quarter of the time until the first response."""
    gc.disable()
    # Both imports are blocked. structlog imports rich, if a tool has installed it, to format
    # tracebacks, but our lines are JSON. FastAPI imports pydantic.v1 only to recognise old models.
    for name in ("rich", "pydantic.v1"):
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]


def end() -> None:
    """Switches garbage collection on in a program that serves nothing."""
    gc.enable()

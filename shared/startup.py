"""The first thing a program does: it loads its modules without the garbage collector walking them,
and without what it never uses.

Apart from every other module, so that nothing heavy is imported before it.
"""

import gc
import ssl
import sys
from collections.abc import Iterator
from contextlib import contextmanager


def begin() -> None:
    """Collects nothing until `shared.serve.settle_memory`: what is loaded at start stays for good,
    and looking through it again and again was a quarter of the time to the first answer."""
    gc.disable()
    # structlog loads the one, where a tool has brought it, to draw tracebacks; our lines are JSON.
    # FastAPI loads the other to tell models of a time that is over; without it there are none.
    for name in ("rich", "pydantic.v1"):
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]


@contextmanager
def no_certificates() -> Iterator[None]:
    """What is imported here and makes TLS contexts at once reads no certificates for them: they
    trust nobody. aiohttp makes two, at the price of a twentieth of a start."""
    ssl.SSLContext.set_default_verify_paths = lambda _: None  # type: ignore[assignment, method-assign]
    try:
        yield
    finally:
        del ssl.SSLContext.set_default_verify_paths


def end() -> None:
    """For what runs a while without serving."""
    gc.enable()

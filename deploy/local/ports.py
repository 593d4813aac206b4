"""The ports of a stack, and how it reserves them while it runs.

A port that was found free may be taken a moment later: another stack may start at the same time,
and the system assigns ports (32768 and up) to whoever connects or asks for any. So a stack holds
its ports from the moment they are chosen until it ends.
"""

import json
import socket
from types import TracebackType
from typing import Self

from deploy.local.layout import Layout, StackError

HOST = "127.0.0.1"


def is_free(port: int) -> bool:
    """Whether 127.0.0.1:port can be listened on now."""
    found = _bound(port)
    if found is None:
        return False
    found.close()
    return True


def require_free(layout: Layout) -> None:
    """StackError naming the fixed port that is taken, and the setting that moves it."""
    for port in _fixed(layout).values():
        if not is_free(port):
            raise _taken(layout, port)


def _fixed(layout: Layout) -> dict[str, int]:
    """The public port and its neighbour."""
    return {"gateway-edge": layout.port, "gateway-egress": layout.port + 1}


def _taken(layout: Layout, port: int) -> StackError:
    is_beside = port != layout.port
    return StackError(
        f"端口 {port}{'（PORT + 1，出口用）' if is_beside else ''} 已被占用，"
        f"请换一个 PORT（现为 {layout.port}）：PORT=… make run\n"
        f"port {port}{' (PORT + 1, for the egress)' if is_beside else ''} is taken; "
        f"choose another PORT (now {layout.port}): PORT=… make run"
    )


def _bound(port: int) -> socket.socket | None:
    """A socket that does not listen and lets a process of ours listen on the same port, also while
    connections of an earlier stack are still closing."""
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((HOST, port))
    except OSError:
        bound.close()
        return None
    return bound


def _marked(port: int) -> socket.socket | None:
    """Two stacks could be bound to one port until either listens, so a name beside it says whose it
    is. The system knows such a name once, among all accounts, and forgets it with its process."""
    marker = socket.socket(socket.AF_UNIX)
    try:
        marker.bind(f"\0damselfly-port-{port}")
    except OSError:
        marker.close()
        return None
    return marker


class Holds:
    """The ports of one stack."""

    def __init__(self) -> None:
        self._held: list[socket.socket] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()

    def take(self, port: int) -> bool:
        """False when somebody listens there, or another stack holds it."""
        marker = _marked(port)
        if marker is None:
            return False
        bound = _bound(port)
        if bound is None:
            marker.close()
            return False
        self._held += [marker, bound]
        return True

    def take_any(self) -> int:
        """A port that nobody has."""
        while True:
            with socket.socket() as probe:
                probe.bind((HOST, 0))
                port = int(probe.getsockname()[1])
            if self.take(port):
                return port

    def release(self) -> None:
        for one in self._held:
            one.close()
        self._held.clear()


def choose_ports(layout: Layout, names: list[str], holds: Holds) -> dict[str, int]:
    """name -> port, each held. The public port and its neighbour are fixed; the others are picked
    once, remembered, and picked anew when somebody else took them meanwhile."""
    fixed = _fixed(layout)
    for port in fixed.values():
        if not holds.take(port):
            raise _taken(layout, port)
    path = layout.run_dir / "ports.json"
    known: dict[str, int] = json.loads(path.read_text()) if path.exists() else {}
    ports: dict[str, int] = {}
    for name in names:
        wanted = known.get(name, 0)
        is_ours = name in fixed or (wanted and holds.take(wanted))
        ports[name] = fixed.get(name, wanted) if is_ours else holds.take_any()
    path.write_text(json.dumps(ports, indent=2))
    return ports

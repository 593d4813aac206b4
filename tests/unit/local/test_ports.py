"""Ports: the public one is the person's, the others are picked once and picked anew when taken;
and who has chosen a port keeps it, before anybody listens there and while a process is away."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.layout import Layout, StackError
from deploy.local.ports import Holds, choose_ports, is_free, require_free

NAMES = ["gateway-edge", "gateway-egress", "postgres", "broker"]


def two_free_ports() -> int:
    """The first of two neighbours that are free."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port < 65_000 and is_free(port) and is_free(port + 1):
            return port


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path, two_free_ports())


@pytest.fixture
def holds() -> Iterator[Holds]:
    with Holds() as holds:
        yield holds


def started(layout: Layout) -> dict[str, int]:
    """The ports of a stack that has ended again."""
    with Holds() as holds:
        return choose_ports(layout, NAMES, holds)


def listening(port: int) -> socket.socket:
    """As a process of the stack does."""
    door = socket.socket()
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    door.bind(("127.0.0.1", port))
    door.listen()
    return door


def test_the_edge_is_at_port_and_the_egress_beside_it(layout: Layout) -> None:
    ports = started(layout)
    assert ports["gateway-edge"] == layout.port
    assert ports["gateway-egress"] == layout.port + 1
    assert len(set(ports.values())) == len(NAMES)


def test_ports_are_the_same_next_time(layout: Layout) -> None:
    """Also while connections of the last time have not quite ended."""
    first = started(layout)
    with listening(first["postgres"]) as door:
        client = socket.create_connection(("127.0.0.1", first["postgres"]))
        accepted, _ = door.accept()
        accepted.close()
        client.close()
    assert started(layout) == first


def test_a_port_that_somebody_took_is_picked_anew(layout: Layout) -> None:
    first = started(layout)
    with listening(first["postgres"]):
        second = started(layout)
    assert second["postgres"] != first["postgres"]
    assert second["broker"] == first["broker"]
    assert json.loads((layout.run_dir / "ports.json").read_text()) == second


def test_two_stacks_that_start_at_one_moment_share_no_port(
    layout: Layout, tmp_path: Path, holds: Holds
) -> None:
    """Even where both remember the same: each was started while the other was down."""
    known = started(layout)
    other = Layout(tmp_path / "other", two_free_ports())
    other.run_dir.mkdir()
    (other.run_dir / "ports.json").write_text(json.dumps(known))
    mine = choose_ports(layout, NAMES, holds)
    assert mine == known
    with Holds() as theirs:
        assert not set(choose_ports(other, NAMES, theirs).values()) & set(mine.values())


def test_what_is_chosen_is_nobody_elses_though_nobody_listens_yet(
    layout: Layout, holds: Holds
) -> None:
    port = choose_ports(layout, NAMES, holds)["postgres"]
    with socket.socket() as stranger, pytest.raises(OSError, match="in use"):
        stranger.bind(("127.0.0.1", port))
    with listening(port) as door:
        socket.create_connection(("127.0.0.1", port)).close()
        door.accept()[0].close()
    with listening(port):
        pass  # it comes back, after it was away


def test_the_public_port_of_another_stack_is_taken(
    layout: Layout, tmp_path: Path, holds: Holds
) -> None:
    choose_ports(layout, NAMES, holds)
    other = Layout(tmp_path / "other", layout.port)
    with Holds() as theirs, pytest.raises(StackError, match=str(layout.port)):
        choose_ports(other, NAMES, theirs)


@pytest.mark.parametrize("offset", [0, 1])
def test_a_taken_port_is_named_with_the_setting_that_moves_it(layout: Layout, offset: int) -> None:
    """The neighbour, too: nobody has set it, so it is said what it has to do with PORT."""
    require_free(layout)
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", layout.port + offset))
        squatter.listen()
        with pytest.raises(StackError) as before:
            require_free(layout)
        with Holds() as holds, pytest.raises(StackError) as later:
            choose_ports(layout, NAMES, holds)
    said = str(before.value)
    assert str(later.value) == said
    assert f"port {layout.port + offset}" in said
    assert f"PORT (now {layout.port})" in said
    assert ("PORT + 1" in said) is (offset == 1)
    require_free(layout)

"""Ports: the public one is the person's, the others are picked once and picked anew when taken."""

import json
import socket
from pathlib import Path

import pytest

from deploy.local.layout import Layout, StackError, choose_ports, is_free, require_free

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


def test_the_edge_is_at_port_and_the_egress_beside_it(layout: Layout) -> None:
    ports = choose_ports(layout, NAMES)
    assert ports["gateway-edge"] == layout.port
    assert ports["gateway-egress"] == layout.port + 1
    assert len(set(ports.values())) == len(NAMES)


def test_ports_are_the_same_next_time(layout: Layout) -> None:
    assert choose_ports(layout, NAMES) == choose_ports(layout, NAMES)


def test_a_port_that_somebody_took_is_picked_anew(layout: Layout) -> None:
    first = choose_ports(layout, NAMES)
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", first["postgres"]))
        squatter.listen()
        second = choose_ports(layout, NAMES)
    assert second["postgres"] != first["postgres"]
    assert second["broker"] == first["broker"]
    assert json.loads((layout.run_dir / "ports.json").read_text()) == second


def test_a_taken_public_port_is_named_with_the_setting_that_moves_it(layout: Layout) -> None:
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", layout.port))
        squatter.listen()
        with pytest.raises(StackError) as caught:
            require_free(layout.port, "PORT=… make run")
    assert str(layout.port) in str(caught.value)
    assert "PORT" in str(caught.value)
    require_free(layout.port, "PORT=… make run")


@pytest.mark.parametrize("port", ["", "http", "0", "-1", "65535", "80.5"])
def test_what_is_no_port_is_said_in_one_line(port: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """65535 has no neighbour for the egress."""
    monkeypatch.setenv("PORT", port)
    with pytest.raises(StackError, match="PORT="):
        Layout.from_environment()


def test_a_relative_run_dir_is_in_the_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PORT", raising=False)
    monkeypatch.setenv("RUN_DIR", ".run-2")
    layout = Layout.from_environment()
    assert layout.run_dir.is_absolute()
    assert layout.run_dir.name == ".run-2"
    assert layout.port == 8080

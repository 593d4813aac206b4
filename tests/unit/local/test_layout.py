"""Where a stack keeps its things and which public port it is told, from the environment."""

import pytest

from deploy.local.layout import Layout, StackError


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

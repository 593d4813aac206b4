"""What each process is told, and what is left out when the person brings their own."""

from pathlib import Path

import pytest

from deploy.local import processes, secrets
from deploy.local.layout import SERVICES, Layout

OWN = ("KAFKA_", "DATABASE_", "ALIPAY_", "WECHAT_", "PUBLIC_URL")


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    import os

    for name in list(os.environ):
        if name.startswith(OWN):
            monkeypatch.delenv(name)
    layout = Layout(tmp_path, 8080)
    layout.make()
    return layout


@pytest.fixture
def ports() -> dict[str, int]:
    return {name: 20_000 + number for number, name in enumerate(processes.port_names())}


def test_each_service_has_an_api_and_a_worker(layout: Layout, ports: dict[str, int]) -> None:
    names = [spec.name for spec in processes.product(layout, ports)]
    assert set(names) == {
        "gateway-edge",
        "gateway-egress",
        *(f"{name}-{role}" for name in SERVICES for role in ("api", "worker")),
    }


def test_the_environment_names_everything_a_process_needs(
    layout: Layout, ports: dict[str, int]
) -> None:
    for spec in processes.product(layout, ports):
        told = spec.environment
        assert told["LISTEN"] == f"127.0.0.1:{ports[spec.name]}"
        owner, _, _ = spec.name.rpartition("-")
        issuer = spec.name if owner == "gateway" else owner
        assert told["SERVICE_KEY_FILE"].endswith(f"/{issuer}.pem")
        assert told["PUBLIC_URL"] == "http://127.0.0.1:8080"
        # The embedded broker wakes no waiting fetch, so the wait is the event's delay.
        wait_ms = int(told["KAFKA_FETCH_MAX_WAIT_MS"])
        assert wait_ms <= (20 if spec.name in {"order-worker", "campaign-worker"} else 1000)
        for name in SERVICES:
            assert told[f"{name.upper()}_URL"].startswith("http://127.0.0.1:")
            assert "damselfly_app" in told[f"DATABASE_URL_{name.upper()}"]
            assert "damselfly_owner" in told[f"DATABASE_OWNER_URL_{name.upper()}"]


def test_only_the_gateway_and_the_sealers_hold_what_they_need(
    layout: Layout, ports: dict[str, int]
) -> None:
    """Nobody is told the password of PostgreSQL's superuser."""
    superuser = secrets.password(layout.secrets, "postgres")
    for spec in [*processes.product(layout, ports), *processes.engines(layout, ports, None)]:
        assert superuser not in " ".join([*spec.environment.values(), *spec.command])


def test_a_real_broker_is_used_and_none_embedded(
    layout: Layout, ports: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP", "127.0.0.1:9092")
    told = processes.environment(layout, ports)
    assert told["KAFKA_BOOTSTRAP"] == "127.0.0.1:9092"
    assert "KAFKA_FETCH_MAX_WAIT_MS" not in told
    assert "broker" not in [spec.name for spec in processes.engines(layout, ports, None)]


def test_a_given_database_is_not_ours_to_make(
    layout: Layout, ports: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    given = "postgresql://app@192.0.2.1/payment"
    monkeypatch.setenv("DATABASE_URL_PAYMENT", given)
    assert processes.own_databases() == ["binding", "device", "campaign", "order"]
    told = processes.environment(layout, ports)
    assert told["DATABASE_URL_PAYMENT"] == given
    assert "DATABASE_OWNER_URL_PAYMENT" not in told


def test_a_real_alipay_leaves_the_sandbox_out(
    layout: Layout, ports: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "sandbox-alipay" in [spec.name for spec in processes.engines(layout, ports, None)]
    monkeypatch.setenv("ALIPAY_GATEWAY_URL", "https://example.test/gateway.do")
    assert not processes.uses_sandbox()
    assert "sandbox-alipay" not in [spec.name for spec in processes.engines(layout, ports, None)]
    told = processes.environment(layout, ports)
    assert told["ALIPAY_GATEWAY_URL"] == "https://example.test/gateway.do"


def test_settings_of_the_person_win(
    layout: Layout, ports: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALIPAY_TIMEOUT_MS", "3000")
    monkeypatch.setenv("PUBLIC_URL", "https://pay.example.test")
    told = processes.environment(layout, ports)
    assert told["ALIPAY_TIMEOUT_MS"] == "3000"
    assert told["PUBLIC_URL"] == "https://pay.example.test"

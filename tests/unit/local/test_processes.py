"""What each process is told, and what is left out when the person brings their own."""

import base64
import os
from pathlib import Path

import pytest
from pydantic import AliasChoices
from pydantic_settings import BaseSettings

from deploy.local import processes, secrets
from deploy.local.layout import SERVICES, Layout, StackError
from gateway.config import EdgeConfig, EgressConfig
from services.binding.config import BindingConfig
from services.campaign.config import CampaignConfig
from services.device.config import DeviceConfig
from services.order.config import OrderConfig
from services.payment.config import PaymentConfig
from shared.keys.sealed import LocalKeyProvider, new_data_key, open_sealed, seal

OWN = ("WORKERS_", "KAFKA_", "KEK_", "DATABASE_", "ALIPAY_", "WECHAT_", "PUBLIC_URL")


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
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


def test_several_processes_of_a_kind_share_an_address(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each can be asked for its own metrics and readiness. Nobody calls a worker, so each of those
    has an address of its own."""
    kinds = ("gateway-edge", "gateway-egress", "payment-api", "order-worker")
    for kind in kinds:
        monkeypatch.setenv(f"WORKERS_{kind.upper().replace('-', '_')}", "3")
    ports = {name: 20_000 + number for number, name in enumerate(processes.port_names())}
    specs = {spec.name: spec for spec in processes.product(layout, ports)}
    assert len(specs) == 12 + 4 * 2
    for kind in kinds:
        three = [specs[name].environment for name in (kind, f"{kind}.2", f"{kind}.3")]
        is_worker = kind == "order-worker"
        inner = [found["LISTEN" if is_worker else "METRICS_LISTEN"] for found in three]
        assert len(set(inner)) == 3
        assert len({found["LISTEN"] for found in three}) == (3 if is_worker else 1)
        assert [found.get("WORKERS") for found in three] == [None if is_worker else "3"] * 3
        assert len({found["SERVICE_KEY_FILE"] for found in three}) == 1
        urls = [specs[name].ready_url for name in (kind, f"{kind}.2", f"{kind}.3")]
        assert urls == [f"http://{address}/readyz" for address in inner]
        shown = [processes.metrics_urls(ports)[n] for n in (kind, f"{kind}.2", f"{kind}.3")]
        assert shown == [f"http://{address}/metrics" for address in inner]
    assert "METRICS_LISTEN" not in specs["order-api"].environment


@pytest.mark.parametrize("wanted", ["0", "-1", "65", "two", "1.5"])
def test_a_wrong_number_of_processes_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, wanted: str
) -> None:
    monkeypatch.setenv("WORKERS_PAYMENT_API", wanted)
    with pytest.raises(StackError, match=f"WORKERS_PAYMENT_API={wanted}"):
        processes.port_names()


def test_one_process_writes_the_audit_anchors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKERS_BINDING_WORKER", "2")
    with pytest.raises(StackError, match="WORKERS_BINDING_WORKER=2"):
        processes.port_names()


def test_workers_of_a_kind_that_does_not_exist_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WORKERS_EDGE", "2")
    with pytest.raises(StackError, match=r"WORKERS_EDGE.*WORKERS_GATEWAY_EDGE"):
        processes.port_names()


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
        for name in SERVICES:
            assert told[f"{name.upper()}_URL"].startswith("http://127.0.0.1:")


SECRETS = {
    "gateway-edge": {"kek-device", "kek-pos", "gateway-edge.pem"},
    "gateway-egress": {"kek-app", "gateway-egress.pem"},
    "binding": {"kek-app", "kek-pos", "kek-own", "binding.pem", "setup-code"},
    "device": {"kek-device", "device.pem"},
    "payment": {"payment.pem"},
    "campaign": {"campaign.pem"},
    "order": {"order.pem"},
}
"""Which files of the stack's secrets each may be told of, beside the public trust.json."""


def test_a_process_is_told_its_own_secrets_and_no_other(
    layout: Layout, ports: dict[str, int]
) -> None:
    secrets.make_all(layout.secrets)
    made = {path.name for path in layout.secrets.iterdir()} | {"setup-code"}
    for spec in processes.product(layout, ports):
        owner, _, _ = spec.name.rpartition("-")
        name = spec.name if owner == "gateway" else owner
        said = " ".join([*spec.environment.values(), *spec.command, ""])
        told = {file for file in made if f"{layout.secrets / file} " in said} - {"trust.json"}
        # A worker of binding knows where the first sign-in's code is, too: one service, one trust.
        assert told == SECRETS[name], spec.name


def test_a_process_is_told_its_own_database_and_no_other(
    layout: Layout, ports: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL_CAMPAIGN", "postgresql://app@192.0.2.1/campaign")
    monkeypatch.setenv("DATABASE_SYSTEM_URL_CAMPAIGN", "postgresql://all@192.0.2.1/campaign")
    for name in SERVICES:
        everything = processes.environment(layout, ports)
        if name != "campaign":
            assert f"//damselfly_{name}:" in everything[f"DATABASE_URL_{name.upper()}"]
            assert (
                f"//damselfly_{name}_system:" in everything[f"DATABASE_SYSTEM_URL_{name.upper()}"]
            )
            assert f"//damselfly_{name}_owner:" in everything[f"DATABASE_OWNER_URL_{name.upper()}"]
    for spec in processes.product(layout, ports):
        owner, _, _ = spec.name.rpartition("-")
        told = {name for name in spec.environment if name.startswith("DATABASE_")}
        mine = {f"{kind}_{owner.upper()}" for kind in ("DATABASE_URL", "DATABASE_SYSTEM_URL")}
        assert told == (set() if owner == "gateway" else mine)
        said = " ".join(spec.environment.values())
        assert "_owner:" not in said
        for other in set(SERVICES) - {owner}:
            assert f"damselfly_{other}" not in said


def test_a_process_signs_in_at_kafka_as_itself(
    layout: Layout, ports: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAFKA_SASL_MECHANISM", "SCRAM-SHA-512")
    names = {"gateway-edge": "GATEWAY_EDGE", "order": "ORDER", "payment": "PAYMENT"}
    for name, spelled in names.items():
        monkeypatch.setenv(f"KAFKA_SASL_USERNAME_{spelled}", name)
        monkeypatch.setenv(f"KAFKA_SASL_PASSWORD_FILE_{spelled}", f"/secrets/{name}.word")
    for spec in processes.product(layout, ports):
        owner, _, _ = spec.name.rpartition("-")
        mine = spec.name if owner == "gateway" else owner
        told = spec.environment
        assert told["KAFKA_SASL_MECHANISM"] == "SCRAM-SHA-512"
        assert told.get("KAFKA_SASL_USERNAME") == (mine if mine in names else None)
        words = {value for value in told.values() if value.endswith(".word")}
        assert words == ({f"/secrets/{mine}.word"} if mine in names else set())


def test_the_keys_of_a_former_version_stay_readable(layout: Layout) -> None:
    """One key for everything, before: each purpose gets a new one, beside the old."""
    old = base64.b64encode(os.urandom(32)).decode()
    (layout.secrets / "kek").write_text(old)
    _, wrapped = new_data_key(LocalKeyProvider(layout.secrets / "kek"))
    box = seal(LocalKeyProvider(layout.secrets / "kek"), wrapped, b"x", "row")
    secrets.make_all(layout.secrets)
    newest = set()
    for purpose in ("app", "device", "pos", "own"):
        provider = LocalKeyProvider(layout.secrets / f"kek-{purpose}")
        assert (provider.version, open_sealed(provider, box, "row")) == (2, b"x")
        newest.add(provider.kek_id)
    assert len(newest) == 4


def test_nobody_hears_of_the_superuser(layout: Layout, ports: dict[str, int]) -> None:
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
    assert "broker" not in [spec.name for spec in processes.engines(layout, ports, None)]


def test_traces_are_a_matter_of_every_process(
    layout: Layout, ports: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://192.0.2.1:4318")
    for spec in processes.product(layout, ports):
        assert spec.environment["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://192.0.2.1:4318"


@pytest.mark.parametrize(
    "name", ["KAFKA_BOOTSTRAP", "ALIPAY_GATEWAY_URL", "DATABASE_URL_ORDER", "LOG_LEVEL"]
)
def test_an_empty_setting_is_not_given(
    layout: Layout, ports: dict[str, int], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    before = processes.environment(layout, ports)
    engines = [spec.name for spec in processes.engines(layout, ports, None)]
    monkeypatch.setenv(name, "")
    assert processes.environment(layout, ports) == before
    assert [spec.name for spec in processes.engines(layout, ports, None)] == engines


def test_a_given_database_is_not_ours_to_make(
    layout: Layout, ports: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    given = "postgresql://app@192.0.2.1/payment"
    monkeypatch.setenv("DATABASE_URL_PAYMENT", given)
    with pytest.raises(StackError, match="DATABASE_SYSTEM_URL_PAYMENT"):
        processes.environment(layout, ports)
    monkeypatch.setenv("DATABASE_SYSTEM_URL_PAYMENT", f"{given}?as=system")
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


def test_the_sandboxs_doors_are_told_to_one_process_each(
    layout: Layout, ports: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And to nobody where the real Alipay is, whatever the shell says."""
    doors = {"SANDBOX_PAGE": "gateway-edge", "SANDBOX_ADMIN_URL": "gateway-egress"}
    at = f"http://127.0.0.1:{ports['sandbox-alipay']}"
    for spec in processes.product(layout, ports):
        told = {name: value for name, value in spec.environment.items() if "SANDBOX_" in name}
        mine = {name for name, issuer in doors.items() if issuer == spec.name}
        assert told.keys() - {"ALIPAY_IS_SANDBOX"} == mine
        assert all(told[name].startswith(f"{at}/") for name in mine)
    monkeypatch.setenv("ALIPAY_GATEWAY_URL", "https://example.test/gateway.do")
    for name in doors:
        monkeypatch.setenv(name, f"{at}/")
    for spec in processes.product(layout, ports):
        assert not doors.keys() & spec.environment.keys()


def test_settings_of_the_person_win(
    layout: Layout, ports: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALIPAY_TIMEOUT_MS", "3000")
    monkeypatch.setenv("PUBLIC_URL", "https://pay.example.test")
    told = processes.environment(layout, ports)
    assert told["ALIPAY_TIMEOUT_MS"] == "3000"
    assert told["PUBLIC_URL"] == "https://pay.example.test"


CONFIGS: dict[str, type[BaseSettings]] = {
    "gateway-edge": EdgeConfig,
    "gateway-egress": EgressConfig,
    "binding": BindingConfig,
    "device": DeviceConfig,
    "payment": PaymentConfig,
    "campaign": CampaignConfig,
    "order": OrderConfig,
}
OF_THE_STACK = {
    "LISTEN", "METRICS_LISTEN", "WORKERS",
    "BINDING_URL", "DEVICE_URL", "PAYMENT_URL", "CAMPAIGN_URL", "ORDER_URL", "EGRESS_URL",
    "SERVICE_KEY_FILE", "SERVICE_TRUST_FILE", "SETUP_CODE_FILE", "KEK_FILE",
    "SANDBOX_PAGE", "SANDBOX_ADMIN_URL",
}  # fmt: skip
"""What a stack decides itself, whatever the shell says: how its parts find and believe each
other. A new setting is handed on, or is added here on purpose."""


def _read_by(config: type[BaseSettings]) -> set[str]:
    """The environment variables that a process reads."""
    names = set()
    for name, field in config.model_fields.items():
        alias = field.validation_alias or name
        choices = alias.choices if isinstance(alias, AliasChoices) else [alias]
        names |= {str(choice).upper() for choice in choices}
    return names


@pytest.mark.parametrize("issuer", CONFIGS)
def test_what_a_person_exports_reaches_the_processes_that_read_it(
    issuer: str, layout: Layout, ports: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in set().union(*map(_read_by, CONFIGS.values())):
        monkeypatch.setenv(name, f"https://exported.test/{name}")
    for spec in processes.product(layout, ports):
        if spec.name == issuer or spec.name.rpartition("-")[0] == issuer:
            told = spec.environment
            exported = {name for name in told if told[name] == f"https://exported.test/{name}"}
            # An owner's address is for migrations alone.
            wanted = {name for name in _read_by(CONFIGS[issuer]) if "_OWNER_" not in name}
            assert wanted - exported == wanted & OF_THE_STACK
            assert not exported & OF_THE_STACK

"""Which processes a stack has, how each is started, and with which settings."""

import os
import sys
from dataclasses import dataclass, field
from itertools import product as product_of
from typing import Any

from deploy.local import postgres, secrets
from deploy.local.layout import SERVICES, Layout, StackError
from deploy.local.postgres import Cluster

ALIPAY_TIMEOUT_MS = "15000"
WHITELIST_HOSTS = "pay.damselfly.test,h5.damselfly.test"
"""What a merchant's mini program would call; loopback is no domain that Alipay takes."""
HANDED_ON = (
    "ADDRESS_CONNECTIONS_MAX", "ALIPAY_", "APPROVE_AFTER_H", "AUDIT_ANCHOR_FILE", "DATABASE_",
    "EVENTS_MAX_AGE_DAYS", "KAFKA_", "KEK_FILE_", "LOG_LEVEL", "MINI_TEMPLATE_ID",
    "OPERATOR_SECOND_FACTOR", "OTEL_", "OUTBOX_IDLE_POLL_MS", "PAYMENT_DEADLINE_S",
    "PAYMENT_LEASE_S", "PAYMENT_POLL_S", "PAYMENT_REFUND_QUERY_S", "PAYMENT_SLOW_",
    "PYTHONDEVMODE", "QUOTA_SCALE", "TRUSTED_PROXIES", "WHITELIST_HOSTS",
)  # fmt: skip
"""Exported variables that are passed on to the processes: every setting but the stack's own wiring,
which is the addresses of its processes, the service keys and trust, and where the setup code is."""
ENGINES = ("postgres", "broker", "sandbox-alipay")
API_NAMES = tuple(f"{name}-api" for name in SERVICES)
WORKER_NAMES = tuple(f"{name}-worker" for name in SERVICES)
PRODUCT = ("gateway-edge", "gateway-egress", *API_NAMES, *WORKER_NAMES)


@dataclass(frozen=True)
class Spec:
    """One process: what to run, with which environment, and where it says that it is ready."""

    name: str
    command: list[str]
    environment: dict[str, str]
    ready_url: str = ""
    popen: dict[str, Any] = field(default_factory=dict)


def uses_embedded_broker() -> bool:
    return not os.environ.get("KAFKA_BOOTSTRAP")


def uses_sandbox() -> bool:
    return not os.environ.get("ALIPAY_GATEWAY_URL")


def own_databases() -> list[str]:
    """The services whose database is ours to make (no DATABASE_URL_<SERVICE> was given)."""
    return [name for name in SERVICES if not os.environ.get(f"DATABASE_URL_{name.upper()}")]


def port_names() -> list[str]:
    return [*PRODUCT, *ENGINES, "dragonfly-page", "edge-metrics"]


def metrics_urls(ports: dict[str, int]) -> dict[str, str]:
    """Where each process of the product shows its metrics; the edge not at its public port."""
    listening = {**ports, "gateway-edge": ports["edge-metrics"]}
    return {name: f"http://127.0.0.1:{listening[name]}/metrics" for name in PRODUCT}


def public_url(layout: Layout) -> str:
    return os.environ.get("PUBLIC_URL", f"http://127.0.0.1:{layout.port}")


def environment(layout: Layout, ports: dict[str, int]) -> dict[str, str]:
    """All settings of the stack; those of the person's environment win. Migrations and the first
    merchant need all of them, each process gets its own part (`_own`)."""
    variables = {
        "PATH": os.environ.get("PATH", os.defpath),
        "LC_ALL": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        # We have no pydantic plugins; searching for them takes a twentieth of each start.
        "PYDANTIC_DISABLE_PLUGINS": "__all__",
        "RUN_DIR": str(layout.run_dir),
        "PUBLIC_URL": public_url(layout),
        "METRICS_LISTEN": f"127.0.0.1:{ports['edge-metrics']}",
        "EGRESS_URL": f"http://127.0.0.1:{ports['gateway-egress']}",
        "SERVICE_TRUST_FILE": str(layout.secrets / "trust.json"),
        **{
            f"KEK_FILE_{name.upper()}": str(layout.secrets / f"kek-{name}")
            for name in secrets.KEK_PURPOSES
        },
        "WHITELIST_HOSTS": WHITELIST_HOSTS,
        "SETUP_CODE_FILE": str(layout.secrets / "setup-code"),
        "AUDIT_ANCHOR_FILE": str(layout.run_dir / "audit-anchors.jsonl"),
        "ALIPAY_GATEWAY_URL": f"http://127.0.0.1:{ports['sandbox-alipay']}/gateway.do",
        "ALIPAY_TIMEOUT_MS": ALIPAY_TIMEOUT_MS,
        "ALIPAY_IS_SANDBOX": "true" if uses_sandbox() else "false",
        "LOG_LEVEL": "INFO",
        "KAFKA_BOOTSTRAP": f"127.0.0.1:{ports['broker']}",
    }
    if uses_sandbox():
        sandbox = f"http://127.0.0.1:{ports['sandbox-alipay']}"
        variables |= {"SANDBOX_PAGE": f"{sandbox}/", "SANDBOX_ADMIN_URL": f"{sandbox}/admin"}
    for name in SERVICES:
        variables[f"{name.upper()}_URL"] = f"http://127.0.0.1:{ports[f'{name}-api']}"
    for name in own_databases():
        for variable, role in postgres.roles(name).items():
            variables[f"{variable}_{name.upper()}"] = postgres.url(
                layout, ports["postgres"], role, name
            )
    # An empty variable counts as not set, as above.
    variables.update({k: v for k, v in os.environ.items() if v and k.startswith(HANDED_ON)})
    for name in SERVICES:
        if f"DATABASE_SYSTEM_URL_{name.upper()}" not in variables:
            wanted = f"DATABASE_SYSTEM_URL_{name.upper()}"
            raise StackError(f"缺少 {wanted} is missing: docs/runbook.md, Roles")
    return variables


def engines(layout: Layout, ports: dict[str, int], cluster: Cluster | None) -> list[Spec]:
    """PostgreSQL, the broker and the sandbox, as far as this stack brings its own."""
    python = sys.executable
    plain = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"}
    specs = []
    if cluster is not None:
        popen = {"cwd": cluster.home, **cluster.step_down}
        specs.append(Spec("postgres", cluster.command(ports["postgres"]), plain, popen=popen))
    if uses_embedded_broker():
        words = [python, "-m", "deploy.local", "broker", "--port", str(ports["broker"])]
        specs.append(Spec("broker", words, plain))
    if uses_sandbox():
        port = str(ports["sandbox-alipay"])
        data = str(layout.run_dir / "sandbox-alipay")
        words = [python, "-m", "deploy.sandbox.alipay", "--host", "127.0.0.1", "--port", port]
        specs.append(
            Spec(
                "sandbox-alipay",
                [*words, "--data", data],
                plain,
                ready_url=f"http://127.0.0.1:{port}/admin/health",
            )
        )
    return specs


KEKS = {
    "gateway-edge": ("device", "pos"),
    "gateway-egress": ("app",),
    "binding": ("app", "pos", "own"),
    "device": ("device",),
}
"""Which process gets the key-encryption keys of which purposes. The public edge gets none that
opens an app's private key."""
_OF_ONE = {
    "SETUP_CODE_FILE": "binding",
    "AUDIT_": "binding",
    "SANDBOX_PAGE": "gateway-edge",
    "SANDBOX_ADMIN_URL": "gateway-egress",
}


KAFKA_OWN = tuple(
    f"KAFKA_{name}"
    for name in (
        "SASL_USERNAME", "SASL_PASSWORD", "SASL_PASSWORD_FILE", "SASL_TOKEN_FILE",
        "SSL_CERT_FILE", "SSL_KEY_FILE",
    )
)  # fmt: skip
"""KAFKA_SASL_USERNAME_ORDER is order's KAFKA_SASL_USERNAME and no other process gets it."""


def _own(issuer: str, variables: dict[str, str]) -> dict[str, str]:
    """The settings that every process gets, and those that are this one's."""
    keks = {f"KEK_FILE_{name.upper()}" for name in KEKS.get(issuer, ())}

    def is_for(name: str) -> bool:
        if name.startswith("DATABASE_"):
            # The owner's address is for migrations alone.
            return name.endswith(f"_{issuer.upper()}") and "OWNER" not in name
        if name.startswith("KEK_FILE"):
            return name in keks
        return all(owner == issuer for start, owner in _OF_ONE.items() if name.startswith(start))

    own = {name: value for name, value in variables.items() if is_for(name)}
    for setting, owner in product_of(KAFKA_OWN, secrets.ISSUERS):
        value = own.pop(f"{setting}_{owner.upper().replace('-', '_')}", None)
        if value is not None and owner == issuer:
            own[setting] = value
    return own


def product(layout: Layout, ports: dict[str, int]) -> list[Spec]:
    """The gateway's two processes and each service's two."""
    common = environment(layout, ports)
    specs = []
    for name in PRODUCT:
        owner, _, role = name.rpartition("-")
        module = "gateway" if owner == "gateway" else f"services.{owner}"
        issuer = name if owner == "gateway" else owner
        variables = {
            **_own(issuer, common),
            "LISTEN": f"127.0.0.1:{ports[name]}",
            "SERVICE_KEY_FILE": str(layout.secrets / f"{issuer}.pem"),
        }
        ready = f"http://127.0.0.1:{ports[name]}/readyz"
        specs.append(Spec(name, [sys.executable, "-m", module, role], variables, ready_url=ready))
    return specs

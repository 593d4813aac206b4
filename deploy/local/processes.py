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
WORKERS_MAX = 64
ALONE = ("binding-worker",)
"""It adds lines to the file of audit anchors, and each names the one before."""


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


def _workers_setting(kind: str) -> str:
    return f"WORKERS_{kind.upper().replace('-', '_')}"


def workers(kind: str) -> int:
    """How many processes of this kind run: WORKERS_GATEWAY_EDGE, WORKERS_PAYMENT_API, ..."""
    setting = _workers_setting(kind)
    wanted = os.environ.get(setting) or "1"
    most = 1 if kind in ALONE else WORKERS_MAX
    if not wanted.isdecimal() or not 1 <= int(wanted) <= most:
        raise StackError(f"{setting}={wanted}：应为 1 到 {most} must be 1 to {most}")
    return int(wanted)


def names_of(kind: str) -> list[str]:
    """payment-api, payment-api.2, ...: the processes of one kind."""
    return [kind, *(f"{kind}.{number}" for number in range(2, workers(kind) + 1))]


def product_names() -> list[str]:
    """All processes of ours. StackError if a WORKERS_<KIND> names no kind, as a misspelt one."""
    known = [_workers_setting(kind) for kind in PRODUCT]
    given = (name for name in os.environ if name.startswith("WORKERS_"))
    if unknown := sorted(set(given).difference(known)):
        raise StackError(f"{unknown[0]}：没有这一种进程 no such kind; there are {', '.join(known)}")
    return [name for kind in PRODUCT for name in names_of(kind)]


def kind_of(name: str) -> str:
    return name.partition(".")[0]


def _inner_port(name: str) -> str:
    """The name of the port that this process alone listens on. Those of one API share its LISTEN;
    nobody calls a worker, so that each has a LISTEN of its own; the edge's is not public."""
    kind = kind_of(name)
    if kind == "gateway-edge" or (kind not in WORKER_NAMES and workers(kind) > 1):
        return f"{name}-metrics"
    return name


def port_names() -> list[str]:
    inner = map(_inner_port, product_names())
    return list(dict.fromkeys([*PRODUCT, *ENGINES, "dragonfly-page", *inner]))


def metrics_urls(ports: dict[str, int]) -> dict[str, str]:
    """Where each process of the product shows its metrics."""
    return {
        name: f"http://127.0.0.1:{ports[_inner_port(name)]}/metrics" for name in product_names()
    }


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
    """The gateway's processes and each service's, of each kind as many as `workers` says."""
    common = environment(layout, ports)
    specs = []
    for kind in PRODUCT:
        owner, _, role = kind.rpartition("-")
        module = "gateway" if owner == "gateway" else f"services.{owner}"
        issuer = kind if owner == "gateway" else owner
        own = {**_own(issuer, common), "SERVICE_KEY_FILE": str(layout.secrets / f"{issuer}.pem")}
        for name in names_of(kind):
            inner = _inner_port(name)
            listen = name if kind in WORKER_NAMES else kind
            variables = {**own, "LISTEN": f"127.0.0.1:{ports[listen]}"}
            if inner != listen:
                variables["METRICS_LISTEN"] = f"127.0.0.1:{ports[inner]}"
                variables["WORKERS"] = str(workers(kind))
            ready = f"http://127.0.0.1:{ports[inner]}/readyz"
            words = [sys.executable, "-m", module, role]
            specs.append(Spec(name, words, variables, ready_url=ready))
    return specs

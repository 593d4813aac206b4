"""Writes what is generated from the code: `python -m tests.contract.generate`.

docs/openapi/<service>.json from each service's routes, edge.json from what the edge answers
itself, docs/asyncapi.json from the event registry, docs/coverage.md from the tests. `make check`
compares them with the code, so none can drift.
"""

import base64
import importlib
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from pydantic import TypeAdapter

from gateway.edge import ABOUT, About
from tests.contract import asyncapi, coverage, payment_path, rooms

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("binding", "campaign", "device", "order", "payment")
PEERS = (*SERVICES, "egress")


def _environment(folder: Path) -> dict[str, str]:
    """Settings good enough to build an app that is never started."""
    key = X25519PrivateKey.generate()
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (folder / "key.pem").write_bytes(pem)
    (folder / "trust.json").write_text("{}")
    (folder / "kek").write_text(base64.b64encode(os.urandom(32)).decode())
    found = {
        "KAFKA_BOOTSTRAP": "127.0.0.1:9",
        "SERVICE_KEY_FILE": str(folder / "key.pem"),
        "SERVICE_TRUST_FILE": str(folder / "trust.json"),
        "KEK_FILE": str(folder / "kek"),
        "PUBLIC_URL": "http://127.0.0.1:9",
    }
    found |= {f"{peer.upper()}_URL": "http://127.0.0.1:9" for peer in PEERS}
    for kind in ("DATABASE_URL", "DATABASE_SYSTEM_URL"):
        found |= {f"{kind}_{name.upper()}": "postgresql://x@127.0.0.1:9/x" for name in SERVICES}
    return found


@contextmanager
def settings_of(name: str) -> Iterator[Any]:
    """A service's settings, good enough to build what is never started."""
    with tempfile.TemporaryDirectory() as folder:
        given = _environment(Path(folder))
        before = {key: os.environ.get(key) for key in given}
        os.environ.update(given)
        try:
            module = importlib.import_module(f"services.{name}.config")
            yield getattr(module, f"{name.title()}Config")()
        finally:
            for key, value in before.items():
                if value is None:
                    del os.environ[key]
                else:
                    os.environ[key] = value


def service_app(name: str) -> Any:
    """The FastAPI app of a service, built but not started."""
    with settings_of(name) as config:
        return importlib.import_module(f"services.{name}.app").create_app(config)


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def _openapi(service: str) -> str:
    return _text(service_app(service).openapi())


def _edge() -> str:
    """The edge's own answer; it has no framework that would describe it."""
    schema = TypeAdapter(About).json_schema()
    answer = {"application/json": {"schema": {"$ref": "#/components/schemas/About"}}}
    found = {"description": "Successful Response", "content": answer}
    operation = {"summary": "About", "operationId": "about", "responses": {"200": found}}
    return _text(
        {
            "openapi": "3.1.0",
            "info": {"title": "Damselfly edge", "version": "1"},
            "paths": {ABOUT: {"get": operation}},
            "components": {"schemas": {"About": schema}},
        }
    )


DOCUMENTS: dict[str, Callable[[], str]] = {
    **{f"docs/openapi/{name}.json": partial(_openapi, name) for name in SERVICES},
    "docs/openapi/edge.json": _edge,
    "docs/asyncapi.json": lambda: _text(asyncapi.document()),
    "docs/rooms.md": lambda: rooms.render(ROOT),
    "docs/architecture.md": lambda: payment_path.render(ROOT),
    "docs/coverage.md": lambda: coverage.render(ROOT),
}
"""each generated file and how to tell what it should hold: making all takes seconds"""


def main() -> None:
    for path, text in DOCUMENTS.items():
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(text())
        sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()

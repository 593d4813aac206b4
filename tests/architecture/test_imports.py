"""The import contracts of pyproject.toml hold, and each of them really bites."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.architecture.tree import PRODUCT, ROOT, under

CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"][
    "contracts"
]

# contract id: (module to write, the import that it must refuse)
PLANTED = {
    "services-apart": ("services/order/service.py", "import services.payment.snapshot"),
    "gateway-apart": ("gateway/edge.py", "import services.payment.snapshot"),
    "shared-is-the-bottom": ("shared/contracts/money.py", "import gateway.edge"),
    "product-without-deploy": ("gateway/edge.py", "import deploy.sandbox.alipay"),
    "product-without-tests": ("services/order/service.py", "import tests.fixtures.tokens"),
    "sandbox-apart": ("deploy/sandbox/alipay/wire/rsa2.py", "import shared.contracts.money"),
    "one-kafka-door": ("services/order/consumers.py", "import aiokafka"),
    "one-http-client": ("services/payment/channels/alipay.py", "import httpx"),
    "gateway-without-database": ("gateway/edge.py", "import shared.db"),
    "pure-domain": ("services/payment/payments/rules.py", "import sqlalchemy"),
    "auditable-crypto": ("gateway/alipay/protocol/rsa2.py", "import shared.contracts.money"),
    "pure-readers": ("shared/keys/rsa_keys.py", "import shared.errors"),
    "service-layers": ("services/order/domain.py", "import services.order.service"),
}


def _lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache", "--no-logo",
         "--config", str(ROOT / "pyproject.toml")],
        cwd=folder, capture_output=True, text=True, check=False,
        env={"PATH": "", "PYTHONPATH": str(folder), "HOME": str(folder), "COLUMNS": "200"},
    )  # fmt: skip


def test_imports_keep_their_contracts() -> None:
    done = _lint(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def skeleton(tmp_path: Path) -> Path:
    """The product's tree with empty modules: every contract applies to it, none is violated."""
    for path in under(*PRODUCT):
        (tmp_path / path.parent).mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text('"""Empty."""\n')
    return tmp_path


def test_a_clean_skeleton_passes(skeleton: Path) -> None:
    done = _lint(skeleton)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("contract", PLANTED)
def test_each_contract_refuses_what_it_forbids(skeleton: Path, contract: str) -> None:
    module, statement = PLANTED[contract]
    (skeleton / module).write_text(statement + "\n")
    done = _lint(skeleton)
    name = next(c["name"] for c in CONTRACTS if c["id"] == contract)
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"{name} BROKEN" in done.stdout


def test_an_optional_layer_is_somewhere() -> None:
    """A module that was renamed would leave its layer without an order, and nothing would fail."""
    missing = [
        f"{contract['id']}: {name}"
        for contract in CONTRACTS
        for layer in contract.get("layers", ())
        for name in re.findall(r"\((\w+)\)", layer)
        if not any(_exists(package, name) for package in contract["containers"])
    ]
    assert not missing


def _exists(package: str, module: str) -> bool:
    place = f"{package.replace('.', '/')}/{module}"
    return any(ROOT.glob(f"{place}.py")) or any(path.is_dir() for path in ROOT.glob(place))


ROOMS = [contract for contract in CONTRACTS if contract.get("exhaustive")]
IN_ROOMS = [(contract, package) for contract in ROOMS for package in contract["containers"]]


def _modules(layer: str) -> list[str]:
    return [name.strip(" ()") for name in layer.replace(":", "|").split("|")]


def _file(skeleton: Path, package: str, module: str) -> Path:
    """Where a module of the package is written; of a room, its `__init__`."""
    path = skeleton.joinpath(*package.split("."), module)
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@pytest.mark.parametrize(("contract", "package"), IN_ROOMS, ids=[p for _, p in IN_ROOMS])
def test_rooms_refuse_an_import_upwards_and_a_module_in_no_layer(
    skeleton: Path, contract: dict[str, Any], package: str
) -> None:
    layers = [
        [name for name in _modules(layer) if _file(skeleton, package, name).is_file()]
        for layer in contract["layers"]
    ]
    there = [names for names in layers if names]
    low, high = there[-1][-1], there[0][0]
    _file(skeleton, package, low).write_text(f"import {package}.{high}\n")
    refused = _lint(skeleton)
    assert f"{contract['name']} BROKEN" in refused.stdout, refused.stdout + refused.stderr
    _file(skeleton, package, low).write_text("")
    _file(skeleton, package, "in_no_layer").write_text("")
    refused = _lint(skeleton)
    assert refused.returncode == 1
    assert "in_no_layer" in refused.stdout + refused.stderr


def test_no_contract_goes_unproved() -> None:
    assert {c["id"] for c in CONTRACTS if c not in ROOMS} == set(PLANTED)

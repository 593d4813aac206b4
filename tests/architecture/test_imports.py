"""The import contracts of pyproject.toml hold, and each of them really bites."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT, SERVICES

CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"][
    "contracts"
]

# contract id: (module to write, the import that it must refuse)
PLANTED = {
    "services-apart": ("services/order/service.py", "import services.payment.domain"),
    "gateway-apart": ("gateway/edge.py", "import services.payment.domain"),
    "shared-is-the-bottom": ("shared/money.py", "import gateway.edge"),
    "product-without-deploy": ("gateway/edge.py", "import deploy.sandbox.alipay"),
    "sandbox-apart": ("deploy/sandbox/alipay/rsa2.py", "import shared.money"),
    "one-kafka-door": ("services/order/consumers.py", "import aiokafka"),
    "one-http-client": ("services/payment/channels.py", "import httpx"),
    "gateway-without-database": ("gateway/edge.py", "import shared.db"),
    "pure-domain": ("services/payment/domain.py", "import sqlalchemy"),
    "auditable-crypto": ("gateway/alipay/rsa2.py", "import shared.money"),
    "service-layers": ("services/payment/domain.py", "import services.payment.service"),
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
    """The smallest tree that every contract applies to, without a violation."""
    modules = [f"services/{name}/{part}.py" for name in SERVICES for part in ("domain", "service")]
    modules += [planted for planted, _ in PLANTED.values()]
    modules += ["gateway/alipay/canonical.py", "deploy/sandbox/alipay/__init__.py"]
    mechanisms = ("db", "outbox", "inbox", "migrate", "kafka", "web", "client", "money")
    modules += [f"shared/{name}.py" for name in mechanisms]
    for name in modules:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('"""Empty."""\n')
        for folder in path.relative_to(tmp_path).parents:
            if folder != Path():
                (tmp_path / folder / "__init__.py").touch()
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


def test_no_contract_goes_unproved() -> None:
    assert {contract["id"] for contract in CONTRACTS} == set(PLANTED)

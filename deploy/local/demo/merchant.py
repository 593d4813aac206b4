"""Demo data: an operator, a merchant with its store and bound app, an enrolled device.

The app's public key is registered at the sandbox's admin interface; everything else goes through
the services' own command lines and the edge. `demo.json` remembers the result and which databases
it is in, so a later start does nothing; each step may also be repeated.
"""

import contextlib
import hashlib
import io
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from deploy.local import secrets
from deploy.local.demo.past_clock import PastClock
from deploy.local.layout import ROOT, SERVICES, Layout, StackError
from deploy.local.processes import own_databases, public_url

APP_ID = "2021000000000001"
HANDLE = "demo"
OPERATOR, OWNER = "operator@platform", f"owner@{HANDLE}"
"""A login that ends with a merchant's handle is that merchant's alone."""
MERCHANT, STORE = "豆娘演示商户 Damselfly Demo", "演示门店 Demo Store"
SN = "QCF4DEMO0000001"
LIMIT_S = 60.0
DEFAULT_DAYS, DAYS_MAX = 6, 20


def _post(url: str, body: dict[str, Any]) -> dict[str, Any]:
    request = urllib.request.Request(  # noqa: S310 - the sandbox on loopback
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        found: dict[str, Any] = json.load(answer)
        return found


def _run_service_command(module: str, *words: str, **more: Any) -> dict[str, Any]:
    """Runs a command of `module` in this process, which saves six starts; gives its output."""
    import importlib

    commands = importlib.import_module(f"services.{module}")
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        commands.run_command(commands.parse(list(words)), **more)
    answer: dict[str, Any] = json.loads(out.getvalue())
    return answer


def _register(layout: Layout, sandbox_admin: str) -> dict[str, Any]:
    """Registers the app at the sandbox; may be repeated, with the same answer."""
    public_key = (layout.secrets / "app-public-key.pem").read_text()
    return _post(
        f"{sandbox_admin}/apps", {"app_id": APP_ID, "public_key": public_key, "mode": "key"}
    )


def _databases() -> str:
    """Identifies the databases in use: ours, or the given ones."""
    own = own_databases()
    names = (f"DATABASE_URL_{name.upper()}" for name in SERVICES if name not in own)
    return hashlib.sha256("\n".join(os.environ[name] for name in names).encode()).hexdigest()


def known(layout: Layout) -> dict[str, Any]:
    """The demo part of stack.json, as the last `seed` made it."""
    found: dict[str, Any] = json.loads(layout.demo_file.read_text())["demo"]
    return found


def is_current(layout: Layout, sandbox_admin: str) -> bool:
    """Whether what an earlier start made is in these databases, and the sandbox has not lost its
    keys meanwhile."""
    bound = layout.secrets / "alipay-public-key.txt"
    try:
        made_in = json.loads(layout.demo_file.read_text())["made_in"]
        key = _register(layout, sandbox_admin)["alipay_public_key"]
        return bool(made_in == _databases() and key == bound.read_text())
    except (FileNotFoundError, KeyError):
        return False


def keep(layout: Layout, made: dict[str, Any]) -> None:
    """Remembers what `seed` has made."""
    history = {"until": datetime.now(UTC).isoformat(), "days": days(), "is_done": days() == 0}
    _remember(layout, {"made_in": _databases(), "demo": made, "lively": history})


def _remember(layout: Layout, kept: dict[str, Any]) -> None:
    secrets.write_private(layout.demo_file, json.dumps(kept, ensure_ascii=False))


@dataclass(frozen=True, slots=True)
class SalesHistory:
    """The days of sales that the demo merchant is to have."""

    until: datetime
    days: int
    is_done: bool


def days() -> int:
    """How many whole days of sales there are to be before today (DEMO_DAYS); 0: no sale is made
    up, as in tests and measurements."""
    given = os.environ.get("DEMO_DAYS") or str(DEFAULT_DAYS)
    if not given.isdecimal() or int(given) > DAYS_MAX:
        raise StackError(f"DEMO_DAYS={given} 应为 0 到 {DAYS_MAX} should be 0 to {DAYS_MAX}")
    return int(given)


def sales_history(layout: Layout) -> SalesHistory:
    """As it was decided when the merchant was made; one of an earlier version stays as it is."""
    kept = json.loads(layout.demo_file.read_text()).get("lively")
    if kept is None:
        return SalesHistory(datetime.now(UTC), 0, is_done=True)
    return SalesHistory(datetime.fromisoformat(kept["until"]), kept["days"], kept["is_done"])


def mark_history_done(layout: Layout) -> None:
    """Remembers that the history is complete; no later start makes it again."""
    kept = json.loads(layout.demo_file.read_text())
    _remember(layout, {**kept, "lively": {**kept["lively"], "is_done": True}})


def paid_first(layout: Layout) -> dict[str, Any] | None:
    """The first payment, if an earlier start has made it."""
    found: dict[str, Any] | None = json.loads(layout.demo_file.read_text()).get("first_payment")
    return found


def keep_first(layout: Layout, first: dict[str, Any]) -> None:
    kept = json.loads(layout.demo_file.read_text())
    _remember(layout, {**kept, "first_payment": first})


def seed(layout: Layout, sandbox_admin: str) -> dict[str, Any]:
    """Makes what is missing; needs the services' environment (runs as a child process)."""
    folder = layout.secrets
    for login in (OPERATOR, OWNER):
        secrets.password(folder, login)
    registered = _register(layout, sandbox_admin)
    secrets.write_private(folder / "alipay-public-key.txt", registered["alipay_public_key"])

    def binding(*words: str) -> dict[str, Any]:
        return _run_service_command("binding.commands.main", *words, clock=_when())

    binding("operators", "add", "--login", OPERATOR, *_password(folder, OPERATOR))
    merchant = _merchant(binding, ("--login", OWNER, *_password(folder, OWNER)))
    store = binding("stores", "add", "--merchant", merchant, "--name", STORE)["store_id"]
    binding(
        "apps", "add", "--merchant", merchant, "--app-id", APP_ID,
        "--seller-id", registered["seller_id"],
        "--app-private-key", str(folder / "app-private-key.pem"),
        "--alipay-public-key", str(folder / "alipay-public-key.txt"),
    )  # fmt: skip
    code = _run_service_command(
        "device.commands", "codes", "new", "--merchant", merchant, "--store", store, "--sn", SN
    )
    enrol(layout, code["code"])
    device = json.loads(layout.device_file.read_text())
    return {
        "operator": {"login": OPERATOR, "password": secrets.password(folder, OPERATOR)},
        "owner": {"login": OWNER, "password": secrets.password(folder, OWNER)},
        "merchant_id": merchant,
        "store_id": store,
        "app_id": APP_ID,
        "device": {
            "device_id": device["device_id"],
            "sn": SN,
            "key_file": str(layout.device_file),
        },
    }


def _when() -> PastClock | None:
    """A clock of the day before the first sale; None: the present."""
    before = timedelta(days=days() + 1)
    return PastClock(datetime.now(UTC) - before) if days() else None


def _merchant(binding: Callable[..., dict[str, Any]], account: tuple[str, ...]) -> str:
    """Its id. One that an earlier version made keeps the handle it was given then."""
    words = ("merchants", "add", "--name", MERCHANT, *account)
    try:
        return str(binding(*words, "--handle", HANDLE)["merchant_id"])
    except SystemExit:
        return str(binding(*words)["merchant_id"])


def _password(folder: Path, login: str) -> tuple[str, str]:
    return "--password-file", str(folder / f"{login}.password")


def enrol(layout: Layout, code: str) -> None:
    """The device turns the code into a key of its own, through the edge."""
    words = [sys.executable, "-m", "deploy.sandbox.dragonfly", "enrol"]
    words += ["--url", public_url(layout), "--code", code, "--sn", SN]
    done = subprocess.run(
        [*words, "--file", str(layout.device_file)], cwd=ROOT, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=LIMIT_S, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise StackError(f"enrol: {done.stdout.strip()} {done.stderr.strip()}"[-800:])


def readdress(layout: Layout) -> None:
    """The demo device follows the platform to another port; its key stays."""
    device = json.loads(layout.device_file.read_text())
    if device["url"] != public_url(layout):
        device["url"] = public_url(layout)
        secrets.write_private(layout.device_file, json.dumps(device, ensure_ascii=False, indent=2))


def first_payment(layout: Layout) -> list[str]:
    """The arguments that pay 0.01 by face on the demo device."""
    return [
        "-m", "deploy.sandbox.dragonfly", "pay", "--amount", "0.01", "--face",
        "--subject", "豆娘首笔 First sale", "--device", str(layout.device_file), "--json",
    ]  # fmt: skip


def order_of(layout: Layout, payment_id: str, wait_s: float = 20.0) -> str | None:
    """The order number, as the merchant's console sees it; None if it does not arrive in time."""
    base = f"{public_url(layout)}/api/merchant/v1"
    login = {"login": OWNER, "password": secrets.password(layout.secrets, OWNER)}
    cookie, csrf = _signed_in(base, login)
    try:
        deadline = time.monotonic() + wait_s
        while time.monotonic() < deadline:
            items = _console_call("GET", f"{base}/orders?payment_id={payment_id}", cookie)["items"]
            if items:
                return str(items[0]["order_no"])
            time.sleep(0.1)
        return None
    finally:
        # Ended, so that the owner's list of sessions shows only the owner's own.
        _console_call("DELETE", f"{base}/session", cookie, {"X-CSRF-Token": csrf})


def _signed_in(base: str, login: dict[str, str]) -> tuple[str, str]:
    request = urllib.request.Request(  # noqa: S310 - our own edge
        f"{base}/session", json.dumps(login).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        cookie = answer.headers["Set-Cookie"].partition(";")[0]
        return cookie, str(json.load(answer)["csrf_token"])


def _console_call(
    method: str, url: str, cookie: str, headers: dict[str, str] | None = None
) -> dict[str, Any]:
    request = urllib.request.Request(  # noqa: S310 - our own edge
        url, headers={"Cookie": cookie, **(headers or {})}, method=method
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        found: dict[str, Any] = json.loads(answer.read() or b"{}")
        return found

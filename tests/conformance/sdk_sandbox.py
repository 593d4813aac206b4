"""A sandbox process, and shops in it that are driven by one public SDK each."""

import itertools
import json
import re
import subprocess
import sys
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conformance.sdk_drivers import Command, Drivers, private_key
from tests.conformance.sdk_install import ROOT
from tests.fixtures.keys import RsaPair

_numbers = itertools.count(1)


class Sandbox:
    """`python -m deploy.sandbox.alipay` on a free port, and its admin door."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self._child = subprocess.Popen(
            [sys.executable, "-m", "deploy.sandbox.alipay", "--port", "0", "--data", str(data)],
            cwd=ROOT, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._child.stdout is not None
        line = self._child.stdout.readline()
        found = re.search(r"(http://[^/]+)/gateway\.do", line)
        assert found, line
        self.base = found[1]
        self.gateway = f"{self.base}/gateway.do"

    def admin(self, method: str, path: str, document: Any = None) -> Any:
        return admin(f"{self.base}/admin", method, path, document)

    def stop(self) -> None:
        self._child.terminate()
        self._child.wait(10)
        assert self._child.stdout is not None
        self._child.stdout.close()


def admin(base: str, method: str, path: str, document: Any = None) -> Any:
    """One call at an admin door; an error answer is an exception."""
    body = None if document is None else json.dumps(document).encode()
    request = urllib.request.Request(f"{base}/{path}", data=body, method=method)  # noqa: S310
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        return json.load(answer)


def new_order_no() -> str:
    return f"SDK{next(_numbers):08d}"


def bar_code() -> str:
    return f"28{next(_numbers):016d}"


def face_code() -> str:
    return f"fp{next(_numbers):033d}"


@dataclass
class Shop:
    """One application in one mode, called through one SDK."""

    sdk: str
    mode: str
    drivers: Drivers
    sandbox: Sandbox
    app: Command
    name: str

    @classmethod
    def opened(
        cls, sdk: str, mode: str, drivers: Drivers, sandbox: Sandbox, keys: RsaPair
    ) -> "Shop":
        app = sandbox.admin("POST", "apps", {"public_key": keys.public_b64, "mode": mode})
        name = f"{sdk} {mode} {app['app_id']}"
        asked: Command = {
            "do": "open", "name": name, "gateway": sandbox.gateway, "app_id": app["app_id"],
            "alipay_public_key": app["alipay_public_key"], **private_key(keys),
        }  # fmt: skip
        if mode == "cert":
            folder = sandbox.data / f"certs {app['app_id']}"
            folder.mkdir()
            asked["certs"] = {}
            for short, member in (("app", "app_cert"), ("alipay", "alipay_cert"),
                                  ("root", "root_cert")):  # fmt: skip
                path = folder / f"{short}.crt"
                path.write_text(app[member])
                asked["certs"][short] = str(path)
        told = drivers.ask(sdk, **asked)
        assert told == {}, told
        return cls(sdk, mode, drivers, sandbox, app, name)

    def call(self, method: str, biz: dict[str, Any], **more: Any) -> Command:
        """`verdict` is the SDK's own: verified, unverified (handed over unchecked) or refused."""
        told = self.drivers.ask(self.sdk, do="call", name=self.name, method=method, biz=biz, **more)
        assert "error" not in told or told.get("verdict") == "refused", told
        return told

    def good(self, method: str, biz: dict[str, Any], **more: Any) -> dict[str, Any]:
        """The node of an answer that the SDK verified."""
        told = self.call(method, biz, **more)
        assert told["verdict"] == "verified", told
        node: dict[str, Any] = told["node"]
        assert node["code"] == "10000", node
        return node

    def pay(self, **changed: Any) -> dict[str, Any]:
        return self.good("alipay.trade.pay", pay_content(**changed))

    def fault(self, fault: str, method: str, **args: Any) -> None:
        """Once; what was switched on for this app before is forgotten."""
        self.sandbox.admin("DELETE", f"faults?app_id={self.app['app_id']}")
        self.sandbox.admin("POST", "faults", {
            "app_id": self.app["app_id"], "method": method, "fault": fault, "times": 1,
            "args": args,
        })  # fmt: skip

    def requests(self, method: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.sandbox.admin(
            "GET", f"requests?app_id={self.app['app_id']}&method={method}"
        )["requests"]
        return found


def pay_content(**changed: Any) -> dict[str, Any]:
    return {
        "out_trade_no": new_order_no(), "scene": "bar_code", "auth_code": bar_code(),
        "subject": "咖啡 + 100% 可可 😀", "total_amount": "0.12", **changed,
    }  # fmt: skip

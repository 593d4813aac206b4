"""Drives PyPI python-alipay-sdk from JSON lines: one command in, one answer out, in order."""

import json
import sys
from pathlib import Path
from typing import Any

from alipay import AliPay, DCAliPay
from alipay.exceptions import AliPayException, AliPayValidationError

clients: dict[str, Any] = {}
keyed: dict[str, Any] = {}


def armoured(key: str, kind: str) -> str:
    return f"-----BEGIN {kind}-----\n{key}\n-----END {kind}-----"


def keyed_client(private: str, public: str) -> Any:
    """A client that only signs or only verifies. The SDK wants both keys at once, so the one that
    is not used stands in for the other; kept, because reading a key is the slow part."""
    found = keyed.get(private + public)
    if found is None:
        key = armoured(private, "RSA PRIVATE KEY") if private else armoured(public, "PUBLIC KEY")
        found = AliPay(appid="x", app_private_key_string=key, alipay_public_key_string=key)
        keyed[private + public] = found
    return found


def open_client(asked: dict[str, Any]) -> dict[str, Any]:
    private = armoured(asked["private_key"], "RSA PRIVATE KEY")
    if asked.get("certs"):
        app, alipay, root = (Path(asked["certs"][n]).read_text() for n in ("app", "alipay", "root"))
        client: Any = DCAliPay(
            appid=asked["app_id"], app_private_key_string=private, app_public_key_cert_string=app,
            alipay_public_key_cert_string=alipay, alipay_root_cert_string=root,
        )  # fmt: skip
    else:
        client = AliPay(
            appid=asked["app_id"], app_private_key_string=private,
            alipay_public_key_string=armoured(asked["alipay_public_key"], "PUBLIC KEY"),
        )  # fmt: skip
    client._gateway = asked["gateway"]
    clients[asked["name"]] = client
    return {}


def call(asked: dict[str, Any]) -> dict[str, Any]:
    more = {"notify_url": asked["notify_url"]} if asked.get("notify_url") else {}
    try:
        node = clients[asked["name"]].server_api(asked["method"], dict(asked["biz"]), **more)
    except (AliPayException, AliPayValidationError, OSError, ValueError) as error:
        return {"verdict": "refused", "error": f"{type(error).__name__}: {error}"}
    return {"verdict": "verified", "node": node}


def content_of(client: Any, params: dict[str, Any]) -> str:
    return "&".join(f"{name}={value}" for name, value in client._ordered_data(params))


def answer(asked: dict[str, Any]) -> dict[str, Any]:
    action = asked["do"]
    if action == "open":
        return open_client(asked)
    if action == "call":
        return call(asked)
    if action == "sign":
        client = keyed_client(asked["private_key"], "")
        content = content_of(client, dict(asked["params"]))
        return {"content": content, "sign": client._sign(content)}
    if action == "sign_content":
        return {"sign": keyed_client(asked["private_key"], "")._sign(asked["content"])}
    if action == "verify_request":
        params = dict(asked["params"])
        signature = params.pop("sign")
        client = keyed_client("", asked["public_key"])
        # verify() takes sign_type away, which is right for notices only.
        return {"valid": client._verify(content_of(client, params), signature)}
    if action == "verify_notify":
        fields = dict(asked["fields"])
        signature = fields.pop("sign")
        return {"valid": keyed_client("", asked["public_key"]).verify(fields, signature)}
    if action == "cert_sn":
        number = DCAliPay.get_root_cert_sn if asked["is_root"] else DCAliPay.get_cert_sn
        return {"sn": number(asked["pem"])}
    return {"error": f"no {action}"}


def main() -> None:
    out, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        try:
            told = answer(json.loads(line))
        except Exception as error:
            told = {"error": f"{type(error).__name__}: {error}"}
        out.write(json.dumps(told) + "\n")
        out.flush()


main()

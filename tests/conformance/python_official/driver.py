"""Drives PyPI alipay-sdk-python from JSON lines: one command in, one answer out, in order."""

import importlib
import json
import sys
from typing import Any

from alipay.aop.api.AlipayClientConfig import AlipayClientConfig
from alipay.aop.api.DefaultAlipayClient import DefaultAlipayClient
from alipay.aop.api.util import SignatureUtils, WebUtils

clients: dict[str, Any] = {}


def connection(url: str, query: str, timeout: int) -> tuple[str, Any]:
    """Instead of the SDK's own, which dials 80 or 443 only: the same absolute-form target."""
    parts = WebUtils.urlparse.urlparse(url)
    made = WebUtils.httplib.HTTPConnection(parts.hostname, parts.port, timeout=timeout)
    return f"{parts.scheme}://{parts.netloc}{parts.path}?{query}", made


WebUtils.get_http_connection = connection


def open_client(asked: dict[str, Any]) -> dict[str, Any]:
    config = AlipayClientConfig()
    config.server_url = asked["gateway"]
    config.app_id = asked["app_id"]
    config.app_private_key = asked["private_key"]
    config.alipay_public_key = asked["alipay_public_key"]
    clients[asked["name"]] = DefaultAlipayClient(config)
    return {}


def call(asked: dict[str, Any]) -> dict[str, Any]:
    name = "".join(part.capitalize() for part in asked["method"].split(".")) + "Request"
    request = getattr(importlib.import_module(f"alipay.aop.api.request.{name}"), name)()
    request.biz_content = asked["biz"]
    if asked.get("notify_url"):
        request.notify_url = asked["notify_url"]
    try:
        text = clients[asked["name"]].execute(request)
    except Exception as error:
        return {"verdict": "refused", "error": f"{type(error).__name__}: {error}"}
    return {"verdict": "verified", "node": json.loads(text)}


def sign(content: str, asked: dict[str, Any]) -> dict[str, Any]:
    charset = asked.get("charset", "utf-8")
    signature = SignatureUtils.sign_with_rsa2(asked["private_key"], content, charset)
    return {"content": content, "sign": signature}


def verify(params: dict[str, str], signature: str, key: str) -> dict[str, Any]:
    content = SignatureUtils.get_sign_content(params).encode()
    try:
        return {"valid": SignatureUtils.verify_with_rsa(key, content, signature)}
    except SignatureUtils.rsa.VerificationError:
        return {"valid": False}


def answer(asked: dict[str, Any]) -> dict[str, Any]:
    action = asked["do"]
    if action == "open":
        return open_client(asked)
    if action == "call":
        return call(asked)
    if action == "content":
        return {"content": SignatureUtils.get_sign_content(asked["params"])}
    if action == "sign":
        return sign(SignatureUtils.get_sign_content(asked["params"]), asked)
    if action == "sign_content":
        return sign(asked["content"], asked)
    if action == "verify_request":
        params = dict(asked["params"])
        return verify(params, params.pop("sign"), asked["public_key"])
    if action == "verify_notify":
        # The package has no notify call: its users take both out, as its documentation says.
        fields = {k: v for k, v in asked["fields"].items() if k not in ("sign", "sign_type")}
        return verify(fields, asked["fields"]["sign"], asked["public_key"])
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

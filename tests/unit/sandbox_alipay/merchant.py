"""A merchant's side in few lines: signs requests, cuts and verifies answers, with its own code."""

import base64
import json
import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import aiohttp
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

TIME = "2026-11-23 20:30:00"


def content_of(params: dict[str, str], left_out: tuple[str, ...] = ("sign",)) -> str:
    return "&".join(f"{k}={params[k]}" for k in sorted(params) if k not in left_out)


def sign_with(key: rsa.RSAPrivateKey, content: bytes) -> str:
    return base64.b64encode(key.sign(content, padding.PKCS1v15(), hashes.SHA256())).decode()


def is_signed(public_b64: str, content: bytes, sign: str) -> bool:
    key = serialization.load_der_public_key(base64.b64decode(public_b64))
    assert isinstance(key, rsa.RSAPublicKey)
    try:
        key.verify(base64.b64decode(sign), content, padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True


def cut(body: bytes, root: str) -> tuple[bytes, str | None]:
    """The node's bytes and the sign, by the standard library's own JSON reader."""
    text = body.decode()
    head = f'{{"{root}":'
    assert text.startswith(head), text
    _, end = json.JSONDecoder().raw_decode(text, len(head))
    sign = json.loads(text).get("sign")
    return text[len(head) : end].encode(), sign


def new_no() -> str:
    return f"T{secrets.token_hex(12)}"


def bar_code() -> str:
    return f"28{secrets.randbelow(10**16):016d}"


def face_code() -> str:
    return "fp" + secrets.token_hex(17)[:33]


@dataclass
class Merchant:
    """One registered application and a connection to the sandbox."""

    http: aiohttp.ClientSession
    base: str
    key: rsa.RSAPrivateKey
    app_id: str = ""
    seller_id: str = ""
    alipay_public_key: str = ""
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def public_b64(self) -> str:
        der = self.key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return base64.b64encode(der).decode()

    async def register(self, **more: Any) -> dict[str, Any]:
        app = await self.admin("POST", "apps", {"public_key": self.public_b64, **more})
        self.app_id, self.seller_id = app["app_id"], app["seller_id"]
        self.alipay_public_key = app["alipay_public_key"]
        return app

    async def admin(self, verb: str, path: str, body: Any = None, status: int = 200) -> Any:
        async with self.http.request(verb, f"{self.base}/admin/{path}", json=body) as answer:
            assert answer.status == status, await answer.text()
            return await answer.json()

    def signed(self, method: str, biz: dict[str, Any] | str, **more: str) -> dict[str, str]:
        text = biz if isinstance(biz, str) else json.dumps(biz, ensure_ascii=False)
        params = {
            "app_id": self.app_id,
            "method": method,
            "format": "JSON",
            "charset": "utf-8",
            "sign_type": "RSA2",
            "timestamp": TIME,
            "version": "1.0",
            "biz_content": text,
            **self.extra,
            **more,
        }
        params["sign"] = sign_with(self.key, content_of(params).encode())
        return params

    async def post(self, params: dict[str, str]) -> tuple[int, bytes]:
        """Protocol parameters in the query, biz_content in the form, as Node's SDK does."""
        query = {k: v for k, v in params.items() if k != "biz_content"}
        form = {k: v for k, v in params.items() if k == "biz_content"}
        async with self.http.post(
            f"{self.base}/gateway.do?{urlencode(query)}",
            data=urlencode(form),
            headers={"Content-Type": "application/x-www-form-urlencoded;charset=utf-8"},
        ) as answer:
            return answer.status, await answer.read()

    def read(self, method: str, body: bytes) -> dict[str, Any]:
        """The verified node."""
        node, sign = cut(body, method.replace(".", "_") + "_response")
        assert sign is not None, body
        assert is_signed(self.alipay_public_key, node, sign), body
        found: dict[str, Any] = json.loads(node)
        return found

    async def call(self, method: str, biz: dict[str, Any], **more: str) -> dict[str, Any]:
        status, body = await self.post(self.signed(method, biz, **more))
        assert status == 200
        return self.read(method, body)

    async def pay(self, out_trade_no: str, **more: Any) -> dict[str, Any]:
        notify = {"notify_url": more.pop("notify_url")} if "notify_url" in more else {}
        return await self.call("alipay.trade.pay", self.order(out_trade_no, **more), **notify)

    def order(self, out_trade_no: str, **more: Any) -> dict[str, Any]:
        return {
            "out_trade_no": out_trade_no,
            "scene": "bar_code",
            "auth_code": bar_code(),
            "subject": "测试 咖啡",
            "total_amount": "0.01",
            **more,
        }

    async def query(self, out_trade_no: str) -> dict[str, Any]:
        return await self.call("alipay.trade.query", {"out_trade_no": out_trade_no})

    async def cancel(self, out_trade_no: str) -> dict[str, Any]:
        return await self.call("alipay.trade.cancel", {"out_trade_no": out_trade_no})

    async def refund(self, out_trade_no: str, amount: str, no: str | None = None) -> dict[str, Any]:
        biz = {"out_trade_no": out_trade_no, "refund_amount": amount}
        if no is not None:
            biz["out_request_no"] = no
        return await self.call("alipay.trade.refund", biz)

    async def fault(self, fault: str, **more: Any) -> dict[str, Any]:
        wanted = {"app_id": self.app_id, "fault": fault, **more}
        found: dict[str, Any] = await self.admin("POST", "faults", wanted)
        return found

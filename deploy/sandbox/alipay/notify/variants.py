"""The shapes a notify can be sent in: the genuine one, forgeries, and valid but awkward ones."""

import base64
from urllib.parse import quote, urlencode

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from deploy.sandbox.alipay.apps.registry import App, Apps
from deploy.sandbox.alipay.notify import notices
from deploy.sandbox.alipay.wire import rsa2
from deploy.sandbox.kit.faults import Triggered

GENUINE = "genuine"
VARIANT_OF = {
    "notify_bad_signature": "bad_signature",
    "notify_wrong_key": "wrong_key",
    "notify_tamper": "tamper",
    "notify_extra_field": "extra_field",
}
VARIANTS = {
    GENUINE: "as Alipay sends it",
    "bad_signature": "signed over other bytes",
    "wrong_key": "signed with a stranger's key",
    "no_sign": "without sign",
    "empty_sign": "with an empty sign",
    "junk_sign": "with a sign that is not base64",
    "sign_newline": "a good sign with a line break and two marks behind it",
    "sign_spaces": "a good sign whose + have become spaces",
    "sha1": "signed with SHA-1 by the right key, sign_type RSA",
    "sign_type_rsa": "signed as ever, but sign_type says RSA",
    "tamper": "total_amount changed after signing",
    "dropped_field": "seller_id left out after signing",
    "added_field": "a field added after signing",
    "merged_fields": "two neighbouring fields made one value, so that the signed text is the same",
    "double_encoded": "values percent-encoded twice",
    "wrong_amount": "signed, with another total_amount",
    "wrong_seller": "signed, with another seller_id",
    "wrong_app": "signed, with another app_id",
    "wrong_auth_app": "signed, with another auth_app_id",
    "wrong_order": "signed, with another out_trade_no",
    "extra_field": "signed, with a field nobody knows",
    "cert_sn": "with an alipay_cert_sn that is not under the signature",
    "empty_skipped": "an empty field that is not under the signature",
    "empty_kept": "an empty field that is under the signature",
    "keeps_sign_type": "sign_type is under the signature, as in app messages",
    "drops_sign_type": "sign_type is not under the signature, as in payment notices",
    "gbk": "body in GBK, charset=GBK",
    "duplicate_field": "signed, out_trade_no twice",
    "waiting": "signed, trade_status WAIT_BUYER_PAY",
    "closed": "signed, trade_status TRADE_CLOSED without refund fields",
    "finished": "signed, trade_status TRADE_FINISHED",
    "unknown_status": "signed, with a trade_status that does not exist",
}
KINDS = {
    "notify_bad_signature": "one send is signed over other bytes; its resend is good",
    "notify_wrong_key": "one send is signed with a stranger's key",
    "notify_tamper": "one send has its amount changed after signing",
    "notify_extra_field": "one send carries a field nobody knows, under the signature",
    "notify_variant": "one send in the shape args.variant, as POST /admin/notify sends them",
}
_CHANGES = {
    "wrong_amount": {"total_amount": "88888.88"},
    "wrong_seller": {"seller_id": "2088999999999999"},
    "wrong_app": {"app_id": "2021999999999999", "auth_app_id": "2021999999999999"},
    "wrong_auth_app": {"auth_app_id": "2021999999999999"},
    "wrong_order": {"out_trade_no": "NOSUCHORDER"},
    "extra_field": {"zz_new_field": "a+b & c=d % 新 🙂"},
    "empty_skipped": {"body": ""},
    "empty_kept": {"body": ""},
    "gbk": {"charset": "GBK"},
    "sha1": {"sign_type": "RSA"},
    "sign_type_rsa": {"sign_type": "RSA"},
    "waiting": {"trade_status": "WAIT_BUYER_PAY"},
    "closed": {"trade_status": "TRADE_CLOSED"},
    "finished": {"trade_status": "TRADE_FINISHED"},
    "unknown_status": {"trade_status": "TRADE_PAID"},
}
_NO_SIGN = {"empty_sign": "", "junk_sign": "*not base64*"}


def vary(variant: str, app: App, apps: Apps, complete: notices.Fields) -> bytes:
    """The body of one send in one of the VARIANTS."""
    fields = {**complete, **_CHANGES.get(variant, {})}
    codec = "gbk" if variant == "gbk" else "utf-8"
    keeps_sign_type = {"keeps_sign_type": True, "drops_sign_type": False}.get(variant)
    content = notices.content_to_sign(
        fields, keeps_sign_type=keeps_sign_type, keeps_empty=variant == "empty_kept"
    ).encode(codec, "replace")
    if variant != "no_sign":
        fields["sign"] = _sign(variant, app, apps, content)
    fields = _changed_after_signing(variant, fields)
    if variant == "double_encoded":
        fields = {name: quote(value, safe="") for name, value in fields.items()}
    body = urlencode(fields, encoding=codec, errors="replace").encode()
    if variant == "duplicate_field":
        body += b"&out_trade_no=NOSUCHORDER"
    return body


def _sign(variant: str, app: App, apps: Apps, content: bytes) -> str:
    if variant in _NO_SIGN:
        return _NO_SIGN[variant]
    if variant == "sha1":
        raw = app.alipay_key.sign(content, padding.PKCS1v15(), hashes.SHA1())  # noqa: S303
        return base64.b64encode(raw).decode()
    if variant == "bad_signature":
        content = b"something else"
    sign = rsa2.sign(apps.unrelated_key if variant == "wrong_key" else app.alipay_key, content)
    if variant == "sign_newline":
        return sign + "\n!!"
    return sign.replace("+", " ") if variant == "sign_spaces" else sign


def _changed_after_signing(variant: str, fields: notices.Fields) -> notices.Fields:
    if variant == "tamper":
        return {**fields, "total_amount": "9" + fields.get("total_amount", "0.01")}
    if variant == "dropped_field":
        return {name: value for name, value in fields.items() if name != "seller_id"}
    if variant == "added_field":
        return {**fields, "refund_fee": "0.01"}
    if variant == "cert_sn":
        return {**fields, "alipay_cert_sn": "0123456789abcdef0123456789abcdef"}
    if variant == "merged_fields" and "out_trade_no" in fields:
        merged = {name: value for name, value in fields.items() if name != "out_trade_no"}
        before = max(name for name in merged if name < "out_trade_no")
        merged[before] += f"&out_trade_no={fields['out_trade_no']}"
        return merged
    return fields


def body_under(app: App, apps: Apps, complete: notices.Fields, triggered: Triggered) -> bytes:
    """The body of one send, with the faults that it triggered."""
    if not triggered:
        return notices.signed_body(app, complete)
    if "notify_variant" in triggered:
        wanted = str(triggered["notify_variant"].get("variant", GENUINE))
    else:
        wanted = next((VARIANT_OF[kind] for kind in triggered if kind in VARIANT_OF), GENUINE)
    return vary(wanted, app, apps, complete)

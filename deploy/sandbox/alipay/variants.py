"""The shapes a notify can be sent in: the genuine one, forgeries, and valid but awkward ones."""

from urllib.parse import urlencode

from deploy.sandbox.alipay import notices, rsa2
from deploy.sandbox.alipay.apps import App, Apps
from deploy.sandbox.alipay.faults import Fired

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
    "tamper": "total_amount changed after signing",
    "wrong_amount": "signed, with another total_amount",
    "wrong_seller": "signed, with another seller_id",
    "wrong_app": "signed, with another app_id",
    "wrong_order": "signed, with another out_trade_no",
    "extra_field": "signed, with a field nobody knows",
    "empty_skipped": "an empty field that is not under the signature",
    "empty_kept": "an empty field that is under the signature",
    "keeps_sign_type": "sign_type is under the signature, as in app messages",
    "gbk": "body in GBK, charset=GBK",
    "duplicate_field": "signed, out_trade_no twice",
    "waiting": "signed, trade_status WAIT_BUYER_PAY",
    "closed": "signed, trade_status TRADE_CLOSED without refund fields",
    "finished": "signed, trade_status TRADE_FINISHED",
}
_CHANGES = {
    "wrong_amount": {"total_amount": "88888.88"},
    "wrong_seller": {"seller_id": "2088999999999999"},
    "wrong_app": {"app_id": "2021999999999999", "auth_app_id": "2021999999999999"},
    "wrong_order": {"out_trade_no": "NOSUCHORDER"},
    "extra_field": {"zz_new_field": "a+b & c=d % 新 🙂"},
    "empty_skipped": {"body": ""},
    "waiting": {"trade_status": "WAIT_BUYER_PAY"},
    "closed": {"trade_status": "TRADE_CLOSED"},
    "finished": {"trade_status": "TRADE_FINISHED"},
}


def vary(variant: str, app: App, apps: Apps, complete: notices.Fields) -> bytes:
    """The body of one send in one of the VARIANTS."""
    fields = {**complete, **_CHANGES.get(variant, {})}
    codec = "gbk" if variant == "gbk" else "utf-8"
    if variant == "gbk":
        fields["charset"] = "GBK"
    if variant == "empty_kept":
        fields["body"] = ""
    content = notices.content_to_sign(
        fields, keeps_sign_type=variant == "keeps_sign_type", keeps_empty=variant == "empty_kept"
    ).encode(codec, "replace")
    if variant == "bad_signature":
        content = b"something else"
    key = apps.stranger if variant == "wrong_key" else app.alipay_key
    sign = "" if variant == "empty_sign" else rsa2.sign(key, content)
    if variant != "no_sign":
        fields["sign"] = sign
    if variant == "tamper":
        fields["total_amount"] = "9" + fields.get("total_amount", "0.01")
    body = urlencode(fields, encoding=codec, errors="replace").encode()
    if variant == "duplicate_field":
        body += b"&out_trade_no=NOSUCHORDER"
    return body


def body_under(app: App, apps: Apps, complete: notices.Fields, fired: Fired) -> bytes:
    """As the faults that fired for this send want it."""
    if not fired:
        return notices.signed_body(app, complete)
    variants = [kind for kind in fired if kind in VARIANT_OF]
    return vary(VARIANT_OF[variants[0]] if variants else GENUINE, app, apps, complete)

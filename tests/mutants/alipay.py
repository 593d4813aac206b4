"""What is signed, and what is believed."""

from tests.mutants.patch import Patch

PROTOCOL = "tests/unit/gateway/alipay/protocol"
CANONICAL = "gateway/alipay/protocol/canonical.py"
VERIFY = "gateway/alipay/protocol/verify.py"
ENVELOPE = "gateway/alipay/protocol/envelope.py"
NOTIFICATION = "gateway/alipay/inbound/notification.py"
INBOUND_BATCHES = "tests/unit/gateway/alipay/inbound/test_batches.py"
READING = ("tests/unit/gateway/alipay/inbound/test_notification.py",)
CUT = (
    f"{PROTOCOL}/test_cutter.py",
    f"{PROTOCOL}/test_canonical.py",
)
BELIEF = (
    f"{PROTOCOL}/test_verify.py",
    f"{PROTOCOL}/test_believing.py",
    f"{PROTOCOL}/test_envelope.py",
)

PATCHES = (
    Patch(
        CANONICAL,
        "a top-level name may come twice in an answer",
        'if name in members:\n                raise BadResponse("duplicate_member")',
        'if name == "":\n                raise BadResponse("duplicate_member")',
        CUT,
    ),
    Patch(
        CANONICAL,
        "an answer for another method is read",
        "if node != wanted and node not in _FAULT_NODES:",
        "if False:",
        CUT,
    ),
    Patch(
        CANONICAL,
        "a notice's name may come twice",
        'if name in fields:\n            raise BadForm("duplicate")',
        'if name == b"":\n            raise BadForm("duplicate")',
        CUT,
    ),
    Patch(
        CANONICAL,
        "sign_type is covered in a payment's notice",
        'if kind == "pay":',
        'if kind == "app":',
        (f"{PROTOCOL}/test_canonical.py",),
    ),
    Patch(
        CANONICAL,
        "sign_type is left out of a request",
        'if params[name] and name != "sign"',
        'if params[name] and name not in ("sign", "sign_type")',
        (f"{PROTOCOL}/test_canonical.py",),
    ),
    Patch(
        VERIFY,
        "an answer without a signature is believed",
        'return Verification("no_sign")\n    if strict_base64(cut.sign) is None:',
        'return Verification("ok")\n    if strict_base64(cut.sign) is None:',
        BELIEF,
    ),
    Patch(
        VERIFY,
        "sign_type selects nothing",
        'if form.fields.get(b"sign_type") != SIGN_TYPE.encode():',
        "if False:",
        (
            f"{PROTOCOL}/test_verify.py",
            "tests/unit/gateway/alipay/inbound/test_notify.py",
        ),
    ),
    Patch(
        VERIFY,
        "an answer signed under another certificate is believed",
        "if cert_sns and cut.cert_sn and cut.cert_sn not in cert_sns:",
        "if False:",
        BELIEF,
    ),
    Patch(
        VERIFY,
        "the text as sent is read where another text was signed",
        'return Verification("ok", content, index)',
        'return Verification("ok", texts[0], index)',
        BELIEF,
    ),
    Patch(
        "gateway/alipay/inbound/notify.py",
        "a currency may hide in the value of another field",
        "    *CURRENCIES,\n",
        "",
        ("tests/unit/gateway/alipay/inbound/test_notify.py",),
    ),
    Patch(
        NOTIFICATION,
        "the notice of a refund tells of a payment",
        'if any(fields.get(name) for name in ("refund_fee", "gmt_refund", "out_biz_no")):',
        "if False:",
        READING,
    ),
    Patch(
        NOTIFICATION,
        "a sum in another currency is taken for fen",
        'if any(fields.get(name, "CNY") != "CNY" for name in CURRENCIES):',
        "if False:",
        READING,
    ),
    Patch(
        NOTIFICATION,
        "a time that no contract takes refuses the whole batch",
        "return instant if instant.year in YEARS else None",
        "return instant",
        READING,
    ),
    Patch(
        ENVELOPE,
        "members of an unverified answer are handed on",
        'members=members if reason == "ok" else {},',
        "members=members,",
        BELIEF,
    ),
    Patch(
        ENVELOPE,
        "an unsigned answer may say that nothing was executed, whatever it says",
        'return self.reason in ("ok", "no_sign") and self.code in CONFIG_CODES',
        'return self.reason in ("ok", "no_sign")',
        BELIEF,
    ),
    Patch(
        ENVELOPE,
        "a wrongly signed answer may say that the settings are wrong",
        'return self.reason in ("ok", "no_sign") and self.code in CONFIG_CODES',
        "return self.code in CONFIG_CODES",
        BELIEF,
    ),
    Patch(
        ENVELOPE,
        "a text with a NUL is a fact",
        'if isinstance(value, str) and _ODD.search(value) is None else ""',
        'if isinstance(value, str) else ""',
        BELIEF,
    ),
    Patch(
        "gateway/alipay/inbound/notify.py",
        "a notice waits for no other, and goes before the response to the pay call is written",
        ", gather_s=GATHER_S",
        "",
        (f"{INBOUND_BATCHES}::test_notices_that_come_soon_after_each_other_go_together",),
    ),
)

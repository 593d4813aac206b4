"""The faults that this platform can play, and what each does."""

from typing import Any

from deploy.sandbox.alipay.misbehaviour.traps import TRAPS
from deploy.sandbox.alipay.notify import variants
from deploy.sandbox.alipay.notify.variants import GENUINE, VARIANTS
from deploy.sandbox.kit import delivery, transport
from deploy.sandbox.kit.faults import BadFault, Catalogue

PAY = "alipay.trade.pay"
CANCEL = "alipay.trade.cancel"
REFUND = "alipay.trade.refund"

SIGNERS = {
    "rotate": "before this answer the app gets a new Alipay key, in certificate mode a new SN, too",
    "cert_foreign": "signed by a certificate that no root of ours has issued; it can be downloaded",
    "cert_expired": "signed by a certificate that has ended; it can be downloaded",
}
INSTEAD = {
    "http_500": "HTTP args.status (500) with an HTML page; nothing is done unless args.done",
    "unsigned_error": "unsigned refusal args.code/args.sub_code (40004 ACQ.PAYMENT_FAIL), under"
    " args.root; nothing is done unless args.done",
    "refuse": "signed refusal args.sub_code (ACQ.PAYMENT_FAIL), args.code 40004; nothing is done",
    "system_error": "signed 20000, or 40004 with args.sub_code; done all the same if args.paid",
    "gbk_sub_msg": "signed 20000 aop.unknow-error whose sub_msg is GBK bytes; done if args.done",
}
RACES = {
    "buyer_confirms": "a waiting order is paid by its buyer just before this call is done",
}
OUTCOMES = {
    "in_process": "10003; paid args.ms later (default 3000, null: never); args.then closed: closed",
    "password": "as in_process, for totals above args.above_fen (default 200000) only",
    "cancel_retry": "retry_flag=Y, nothing cancelled",
    "fund_change_n": "the refund is done, the answer says fund_change=N",
    "full_refund_only": "partial refunds are refused with ACQ.NOT_ALLOW_PARTIAL_REFUND",
}
_ONLY_FOR = {
    "in_process": frozenset({PAY}),
    "password": frozenset({PAY}),
    "cancel_retry": frozenset({CANCEL}),
    "fund_change_n": frozenset({REFUND}),
    "full_refund_only": frozenset({REFUND}),
}
KINDS: dict[str, str] = {
    **transport.KINDS,
    **SIGNERS,
    **INSTEAD,
    **{name: line for name, (_, line) in TRAPS.items()},
    **RACES,
    **OUTCOMES,
    **delivery.KINDS,
    **variants.KINDS,
}
ON_ANSWER = frozenset({*transport.KINDS, *SIGNERS, *TRAPS})
ON_CALL = frozenset({*INSTEAD, *RACES, *OUTCOMES})


def _check_args(args: dict[str, Any]) -> None:
    if args.get("variant", GENUINE) not in VARIANTS:
        raise BadFault(f"args.variant must be one of {', '.join(VARIANTS)}")


CATALOGUE = Catalogue(KINDS, _ONLY_FOR, {"password": 200_000}, _check_args)

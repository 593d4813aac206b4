"""Refusals: the platform's codes and texts, and the answers made of them."""

from typing import Any

from deploy.sandbox.alipay.wire.envelope import Node, answer
from deploy.sandbox.alipay.wire.refusal_texts import MORE_TEXTS

_TEXTS = {
    "ACQ.SYSTEM_ERROR": "系统错误",
    "ACQ.INVALID_PARAMETER": "参数无效",
    "ACQ.TRADE_NOT_EXIST": "交易不存在",
    "TRADE_NOT_EXIST": "查询退款的交易不存在",
    "ACQ.TRADE_HAS_SUCCESS": "交易已被支付",
    "ACQ.TRADE_HAS_CLOSE": "交易已经关闭",
    "ACQ.TRADE_HAS_FINISHED": "交易已完结",
    "ACQ.TRADE_STATUS_ERROR": "交易状态不合法",
    "ACQ.TRADE_BUYER_NOT_MATCH": "交易买家不匹配",
    "ACQ.CONTEXT_INCONSISTENT": "交易信息被篡改",
    "ACQ.PAYMENT_AUTH_CODE_INVALID": "支付授权码无效",
    "ACQ.AUTH_TOKEN_IS_NOT_EXIST": "支付授权码不存在",
    "ACQ.PAYMENT_FAIL": "支付失败",
    "ACQ.TOTAL_FEE_EXCEED": "订单总金额超过限额",
    "ACQ.BUYER_BALANCE_NOT_ENOUGH": "买家余额不足",
    "ACQ.SELLER_NOT_EXIST": "卖家不存在",
    "ACQ.NOW_TIME_AFTER_EXPIRE_TIME_ERROR": "当前时间已过交易超时时间",
    "ACQ.SUB_GOODS_SIZE_MAX_COUNT": "子商品明细超长",
    "ACQ.TRADE_CANCEL_TIME_OUT": "超过撤销时间范围",
    "ACQ.REASON_TRADE_REFUND_FEE_ERR": "退款金额无效",
    "ACQ.REASON_TRADE_STATUS_INVALID": "交易状态异常",
    "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL": "退款金额与订单总金额不一致",
    "ACQ.DISCORDANT_REPEAT_REQUEST": "不一致的请求",
    "ACQ.NOT_ALLOW_PARTIAL_REFUND": "不支持部分退款",
    "isv.missing-app-id": "缺少应用标识参数",
    "isv.missing-method": "缺少方法名参数",
    "isv.missing-signature": "缺少签名参数",
    "isv.missing-signature-type": "缺少签名类型参数",
    "isv.missing-timestamp": "缺少时间戳参数",
    "isv.missing-version": "缺少版本参数",
    "isv.invalid-app-id": "无效的应用标识参数",
    "isv.invalid-charset": "字符集错误",
    "isv.invalid-format": "无效的数据格式",
    "isv.invalid-parameter": "参数无效",
    "isv.invalid-timestamp": "非法的时间戳参数",
    "isv.invalid-signature": "验签出错，建议检查签名字符串或签名私钥与应用公钥是否匹配，"
    "网关生成的验签字符串为：",
    "isv.invalid-signature-type": "无效的签名类型",
    "isv.invalid-encrypt-type": "无效的加密类型",
    "isv.invalid-encrypt": "解密异常",
    "isv.decryption-error-missing-encrypt-type": "解密出错，缺少加密类型",
    "isv.missing-app-cert-sn": "缺少应用证书序列号",
    "isv.app-cert-not-exist": "应用证书不存在",
    "isv.missing-alipay-root-cert-sn": "缺少支付宝根证书序列号",
    "isv.invalid-alipay-root-cert-sn": "无效的支付宝根证书序列号",
    "isv.alipay-cert-not-exist": "支付宝证书不存在",
    "isv.invalid-method": "不存在的方法名",
    "isv.illegal-json": "业务参数不是合法的JSON",
    "isv.suspected-attack": "可疑的攻击请求",
    "aop.invalid-app-auth-token": "无效的应用授权令牌",
    "aop.unknow-error": "系统繁忙",
    "isp.unknow-error": "系统繁忙",
}

_NOTHING_PAID = {
    "buyer_pay_amount": "0.00",
    "invoice_amount": "0.00",
    "point_amount": "0.00",
    "receipt_amount": "0.00",
}
_NOTHING_BACK = {"refund_fee": "0.00", "send_back_fee": "0.00"}
_AMOUNTS_OF_REFUSAL = {
    "alipay.trade.pay": _NOTHING_PAID,
    "alipay.trade.query": _NOTHING_PAID,
    "alipay.trade.refund": _NOTHING_BACK,
}


class Refused(Exception):
    """A business rule says no; nothing was changed."""

    def __init__(self, sub_code: str, detail: str = "", code: str = "40004") -> None:
        super().__init__(sub_code, detail)
        self.sub_code = sub_code
        self.detail = detail
        self.code = code


def text_of(sub_code: str, detail: str = "") -> str:
    text = _TEXTS.get(sub_code) or MORE_TEXTS.get(sub_code, sub_code)
    if not detail:
        return text
    return text + detail if text.endswith("：") else f"{text}，{detail}"


def refusal(sub_code: str, code: str = "40002", detail: str = "") -> Node:
    return answer(code, sub_code, text_of(sub_code, detail))


def business_refusal(
    method: str, out_trade_no: object, sub_code: str, *, code: str = "40004", detail: str = ""
) -> Node:
    """Refused payments and refunds still name the order and amounts of zero."""
    fields: dict[str, Any] = {}
    if isinstance(out_trade_no, str) and out_trade_no:
        fields["out_trade_no"] = out_trade_no
    fields.update(_AMOUNTS_OF_REFUSAL.get(method, {}))
    return answer(code, sub_code, text_of(sub_code, detail), **fields)

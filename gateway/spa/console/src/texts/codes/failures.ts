import type { Texts } from '../../pair';

/** Why a payment or a refund did not succeed, by the channel's reason: [中文, English]. The till
 * and its customer read their own words (services/payment/payments/wording.py); these are for the merchant. */
export const failures = {
  'failure.other': ['未成功，没有更多说明', 'Not successful; no reason was given'],
  'failure.unknown': ['原因不明', 'The reason is not known'],
  'failure.payment.channel_unavailable': [
    '支付通道暂不可用，没有扣款',
    'The payment channel was not available; nothing was charged',
  ],
  'failure.payment.channel_config': [
    '支付配置有误，请检查密钥和小程序',
    'The payment set-up is wrong: check the keys and the app',
  ],
  'failure.ACQ.PAYMENT_AUTH_CODE_INVALID': [
    '付款码已失效，请顾客刷新后重试',
    'The payment code was no longer valid: ask the buyer to refresh it',
  ],
  'failure.ACQ.AUTH_TOKEN_IS_NOT_EXIST': [
    '付款码已失效，请顾客刷新后重试',
    'The payment code was no longer valid: ask the buyer to refresh it',
  ],
  'failure.ACQ.PAYMENT_FAIL': ['支付宝未能完成扣款', 'Alipay could not complete the payment'],
  'failure.ACQ.BUYER_BALANCE_NOT_ENOUGH': ['顾客余额不足', 'The buyer’s balance was not enough'],
  'failure.ACQ.BUYER_BANKCARD_BALANCE_NOT_ENOUGH': [
    '顾客银行卡余额不足',
    'The balance of the buyer’s bank card was not enough',
  ],
  'failure.ACQ.ERROR_BALANCE_PAYMENT_DISABLE': [
    '顾客关闭了余额支付',
    'The buyer has switched payments by balance off',
  ],
  'failure.ACQ.NO_PAYMENT_INSTRUMENTS_AVAILABLE': [
    '顾客没有可用的付款方式',
    'The buyer had no usable way to pay',
  ],
  'failure.ACQ.BUYER_PAYMENT_AMOUNT_DAY_LIMIT_ERROR': [
    '超过顾客当日付款限额',
    'Over the buyer’s limit for the day',
  ],
  'failure.ACQ.BUYER_PAYMENT_AMOUNT_MONTH_LIMIT_ERROR': [
    '超过顾客当月付款限额',
    'Over the buyer’s limit for the month',
  ],
  'failure.ACQ.BEYOND_PAY_RESTRICTION': ['超过付款限额', 'Over the payment limit'],
  'failure.ACQ.BEYOND_PER_RECEIPT_RESTRICTION': [
    '超过商户单笔收款限额',
    'Over the merchant’s limit for one payment',
  ],
  'failure.ACQ.BEYOND_PER_RECEIPT_DAY_RESTRICTION': [
    '超过商户当日收款限额',
    'Over the merchant’s limit for the day',
  ],
  'failure.ACQ.TOTAL_FEE_EXCEED': ['金额超过上限', 'The amount was too high'],
  'failure.ACQ.BUYER_SELLER_EQUAL': [
    '付款账户与收款账户相同',
    'Buyer and seller were the same account',
  ],
  'failure.ACQ.BUYER_ENABLE_STATUS_FORBID': [
    '顾客的账户不可用',
    'The buyer’s account could not be used',
  ],
  'failure.ACQ.NOT_CERTIFIED_USER': ['顾客的账户未实名', 'The buyer’s account is not verified'],
  'failure.ACQ.PAYMENT_REQUEST_HAS_RISK': [
    '支付宝认为这笔支付有风险',
    'Alipay saw a risk in this payment',
  ],
  'failure.ACQ.USER_FACE_PAYMENT_SWITCH_OFF': [
    '顾客关闭了刷脸支付，可以改用付款码',
    'The buyer has switched face pay off: a payment code works',
  ],
  'failure.ACQ.MOBILE_PAYMENT_SWITCH_OFF': [
    '顾客关闭了付款码支付',
    'The buyer has switched code payments off',
  ],
  'failure.ACQ.PULL_MOBILE_CASHIER_FAIL': [
    '未能唤起顾客的手机',
    'The buyer’s phone could not be reached',
  ],
  'failure.ACQ.SMILE_PAY_MERCHANT_NOT_MATCH': [
    '刷脸设备与收款商户不一致',
    'The face device belongs to another merchant',
  ],
  'failure.ACQ.SELLER_BALANCE_NOT_ENOUGH': [
    '收款账户余额不足，不能退款',
    'The receiving account has too little to give it back',
  ],
  'failure.ACQ.TRADE_HAS_FINISHED': [
    '交易已完结，不能退款',
    'The trade is finished: it can no longer be refunded',
  ],
  'failure.ACQ.TRADE_NOT_EXIST': ['支付宝没有这笔交易', 'Alipay has no such trade'],
  'failure.ACQ.REASON_TRADE_BEEN_FREEZEN': [
    '交易被冻结，不能退款',
    'The trade is frozen: it cannot be refunded',
  ],
  'failure.ACQ.REASON_TRADE_REFUND_FEE_ERR': [
    '退款金额超过可退余额',
    'The refund is more than what is left',
  ],
  'failure.ACQ.TRADE_NOT_ALLOW_REFUND': ['该交易不允许退款', 'This trade cannot be refunded'],
  'failure.ACQ.ACCESS_FORBIDDEN': [
    '没有开通当面付，请先签约',
    'Face-to-face pay is not signed up for this app',
  ],
  'failure.ACQ.MERCHANT_AGREEMENT_NOT_EXIST': [
    '没有开通当面付，请先签约',
    'Face-to-face pay is not signed up for this app',
  ],
  'failure.ACQ.MERCHANT_AGREEMENT_INVALID': [
    '当面付的签约已失效',
    'The agreement for face-to-face pay has ended',
  ],
} as const satisfies Texts;

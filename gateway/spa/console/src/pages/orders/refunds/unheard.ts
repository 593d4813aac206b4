/**
 * A refund that was asked for and not answered: written down before it is sent, per payment, in this
 * window. Neither an error that comes later, nor a reload, nor another dialog makes a second refund
 * of it.
 */
import { useEffect } from 'react';
import type { PaymentShown } from '../../../api/shapes';

export interface AskedRefund {
  refund_request_id: string;
  amount_fen: number;
  reason: string;
  /** ms since 1970, this browser's clock */
  at: number;
}

const KEY = 'damselfly.refund.';
/** By then no hop holds a request any more: what is not there will not come. */
const OVER_MS = 600_000;

export const unheard = {
  of: (paymentId: string): AskedRefund | null =>
    JSON.parse(sessionStorage.getItem(KEY + paymentId) ?? 'null') as AskedRefund | null,
  keep: (paymentId: string, asked: AskedRefund) =>
    sessionStorage.setItem(KEY + paymentId, JSON.stringify(asked)),
  forget: (paymentId: string) => sessionStorage.removeItem(KEY + paymentId),
};

/** Forgets it when the payment, as of `seenAt`, shows that it arrived, or that it never will. */
export function useHeard(payment: PaymentShown | undefined, seenAt: number): void {
  useEffect(() => {
    if (!payment) return;
    const asked = unheard.of(payment.payment_id);
    if (!asked) return;
    const isThere = payment.refunds.some(
      (one) => one.refund_request_id === asked.refund_request_id,
    );
    if (isThere || seenAt > asked.at + OVER_MS) unheard.forget(payment.payment_id);
  }, [payment, seenAt]);
}

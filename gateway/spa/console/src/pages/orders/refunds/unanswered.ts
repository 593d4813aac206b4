/** A refund that was sent and not answered: stored before it is sent, per payment, in this
 * window. So neither a later error, nor a reload, nor another dialog makes a second refund of
 * it. */
import { useEffect } from 'react';
import type { PaymentShown } from '../../../api/shapes';

export interface SentRefund {
  refund_request_id: string;
  amount_fen: number;
  reason: string;
  /** ms since 1970, this browser's clock */
  at: number;
}

const KEY = 'damselfly.refund.';
/** After this time no process works on the request any more, so a refund that is not there will
 * not come. */
const OVER_MS = 600_000;

export const unanswered = {
  of: (paymentId: string): SentRefund | null =>
    JSON.parse(sessionStorage.getItem(KEY + paymentId) ?? 'null') as SentRefund | null,
  keep: (paymentId: string, sent: SentRefund) =>
    sessionStorage.setItem(KEY + paymentId, JSON.stringify(sent)),
  forget: (paymentId: string) => sessionStorage.removeItem(KEY + paymentId),
};

/** Deletes it when the payment, as of `seenAt`, shows that the refund arrived, or that it never
 * will. */
export function useForgetSettled(payment: PaymentShown | undefined, seenAt: number): void {
  useEffect(() => {
    if (!payment) return;
    const sent = unanswered.of(payment.payment_id);
    if (!sent) return;
    const isThere = payment.refunds.some((one) => one.refund_request_id === sent.refund_request_id);
    if (isThere || seenAt > sent.at + OVER_MS) unanswered.forget(payment.payment_id);
  }, [payment, seenAt]);
}

/** Shared by all places that show or make refunds: texts, requests and queries. */
import { ApiProblem } from '@shared/problem';
import { type QueryClient, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { get, OutcomeUnknown, post } from '../../../api/client';
import type { PaymentShown, Refund } from '../../../api/shapes';
import type { Tone } from '../../../parts/bits';
import { useSay } from '../../../parts/say';
import { useSession } from '../../../session/session';
import { isText, type T, useText } from '../../../texts';

export const REFUND_STATES = ['pending', 'unknown', 'done', 'rejected'] as const;

export const REFUND_TONES: Record<Refund['state'], Tone> = {
  pending: 'run',
  unknown: 'warn',
  done: 'ok',
  rejected: 'bad',
};

/** Queries that an event of the refund changes, a moment after it. */
const OF_ORDERS = ['orders', 'dashboard'];

function askAgain(queries: QueryClient, keys: string[]) {
  return Promise.all(keys.map((key) => queries.invalidateQueries({ queryKey: [key] })));
}

/** How often an open refund is loaded again. */
const LOOK_MS = 2_000;

/** The refund's id for the server: made once, and kept through every repetition. */
export function newRefundRequest(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `r${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}

export const isOpen = (refund: Refund) => refund.state === 'pending' || refund.state === 'unknown';

/** Why the channel refused the refund; a general text for an unknown code. */
export function refusal(t: T, refund: Refund): string {
  const key = `refund_refusal.${refund.rejection?.code}`;
  return t(isText(key) ? key : 'refund_refusal.other');
}

/** No name: it was not stored then, or the person may not see it. */
const NOBODY = '—';

/** The time of the first request. It decides the place in the list, which a retry does not
 * change. */
export const askedAt = (refund: Refund) => refund.first_requested_at ?? refund.created_at;

/** The person who requested it, and the one who retried it last. */
export function requestersOf(t: T, refund: Refund): string {
  if (refund.origin === 'cancel') return t('refunds.by_platform');
  const { requested_by_name: last, first_requested_by_name: first } = refund;
  if (!refund.first_requested_at || !last) return last ?? NOBODY;
  if (!first) return t('refunds.tried_again_by', { again: last });
  if (first === last) return t('refunds.tried_again_too', { first });
  return t('refunds.tried_again', { first, again: last });
}

/** The person did not confirm the password: nothing was done, and the person knows it. */
export function isGivenUp(error: unknown): boolean {
  return error instanceof ApiProblem && error.code === 'auth.step_up_needed';
}

/** The payment of an order, with its refunds; loaded again by itself while one is open. */
export function usePayment(paymentId: string | null | undefined) {
  const { can } = useSession();
  return useQuery({
    queryKey: ['payments', paymentId],
    queryFn: () =>
      get('/api/merchant/v1/payments/{payment_id}', { path: { payment_id: paymentId ?? '' } }),
    enabled: Boolean(paymentId) && can('payments.read'),
    refetchInterval: ({ state }) => (state.data?.refunds.some(isOpen) ? LOOK_MS : false),
  });
}

/** An event updates the order a moment after its refund: its pages are loaded again until then. */
export function useOrderCatchesUp(payment: PaymentShown | undefined, refundedFen: number) {
  const queries = useQueryClient();
  const isBehind = payment !== undefined && payment.refunded_fen > refundedFen;
  useEffect(() => {
    if (!isBehind) return undefined;
    const look = () => void askAgain(queries, OF_ORDERS);
    look();
    const timer = setInterval(look, LOOK_MS);
    return () => clearInterval(timer);
  }, [isBehind, queries]);
}

export function useRefreshRefunds() {
  const queries = useQueryClient();
  return () => askAgain(queries, ['payments', 'refunds', ...OF_ORDERS]);
}

/** Retries a refund: one that was refused is sent again, one with an unknown outcome is queried. */
export function useRetry() {
  const { t } = useText();
  const say = useSay();
  const refresh = useRefreshRefunds();
  return useMutation({
    mutationFn: ({ payment_id, refund_request_id }: Refund) =>
      post(
        '/api/merchant/v1/payments/{payment_id}/refunds/{refund_request_id}/retry',
        {},
        { path: { payment_id, refund_request_id } },
      ),
    onSuccess: async (refund) => {
      if (refund.state === 'unknown') say.done(t('refunds.asked'));
      await refresh();
    },
    onError: async (error) => {
      if (error instanceof OutcomeUnknown) return say.warned(t('refunds.outcome_unknown'));
      if (!isGivenUp(error)) say.failed(error);
      // Somebody else was faster: the data that is shown is outdated.
      if (error instanceof ApiProblem && error.status === 409) await refresh();
      return undefined;
    },
  });
}

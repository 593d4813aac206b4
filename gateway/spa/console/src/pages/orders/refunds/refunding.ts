/** What every place that shows or makes refunds shares: their words, their doors, their freshness. */
import { ApiProblem } from '@shared/problem';
import { type QueryClient, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { get, post, Unheard } from '../../../api/client';
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

/** Queries whose answers hear of a refund by an event, a moment after it. */
const OF_ORDERS = ['orders', 'dashboard'];

function askAgain(queries: QueryClient, keys: string[]) {
  return Promise.all(keys.map((key) => queries.invalidateQueries({ queryKey: [key] })));
}

/** How often what is not decided yet is looked at again. */
const LOOK_MS = 2_000;

/** Names one refund for good, whatever happens to the network: the server knows it by this. */
export function newRefundRequest(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `r${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}

export const isOpen = (refund: Refund) => refund.state === 'pending' || refund.state === 'unknown';

/** Why the channel gave no money back; a reason nobody has a word for is told in general. */
export function refusal(t: T, refund: Refund): string {
  const key = `refund_refusal.${refund.rejection?.code}`;
  return t(isText(key) ? key : 'refund_refusal.other');
}

/** Nobody's name: it was not kept then, or is not for whoever looks. */
const NOBODY = '—';

/** When it was asked for first: by this it has its place in the list, which no new try moves. */
export const askedAt = (refund: Refund) => refund.first_requested_at ?? refund.created_at;

/** Who asked for it, and who tried it again last. */
export function whoAsked(t: T, refund: Refund): string {
  if (refund.origin === 'cancel') return t('refunds.by_platform');
  const { requested_by_name: last, first_requested_by_name: first } = refund;
  if (!refund.first_requested_at || !last) return last ?? NOBODY;
  if (!first) return t('refunds.tried_again_by', { again: last });
  if (first === last) return t('refunds.tried_again_too', { first });
  return t('refunds.tried_again', { first, again: last });
}

/** The person was asked for the password and turned away: nothing was done, and they know. */
export function isGivenUp(error: unknown): boolean {
  return error instanceof ApiProblem && error.code === 'auth.step_up_needed';
}

/** The payment behind an order, with its refunds; asked again by itself while one is open. */
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

/** The order hears of its refund by an event, a moment later: its pages ask until it has. */
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

/** The same refund once more: sent again when it was refused, asked about when it is unknown. */
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
      if (error instanceof Unheard) return say.warned(t('refunds.unheard'));
      if (!isGivenUp(error)) say.failed(error);
      // Somebody else was there first: what is shown is not so any more.
      if (error instanceof ApiProblem && error.status === 409) await refresh();
      return undefined;
    },
  });
}

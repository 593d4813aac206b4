/** The state of a refund and what happens next; while it is open it is loaded again by itself. */
import { money } from '@shared/money';
import { chinaTime } from '@shared/time';
import { Alert, Button } from 'antd';
import type { ReactNode } from 'react';
import type { Refund } from '../../../api/shapes';
import { useSession } from '../../../session/session';
import { type TextKey, useText } from '../../../texts';
import { refusal, usePayment, useRetry } from './refunding';

const KINDS = { pending: 'info', unknown: 'warning', done: 'success', rejected: 'error' } as const;
const NEXT: Record<Refund['state'], TextKey> = {
  pending: 'refunds.is_pending_next',
  unknown: 'refunds.is_unknown_next',
  done: 'refunds.to',
  rejected: 'refunds.is_rejected_next',
};

export function RefundOutcome({ refund: first }: { refund: Refund }) {
  const { t } = useText();
  const payment = usePayment(first.payment_id);
  const refund = payment.data?.refunds.find((one) => one.refund_id === first.refund_id) ?? first;
  const { state } = refund;
  return (
    <Alert
      type={KINDS[state]}
      showIcon
      role={state === 'rejected' ? 'alert' : 'status'}
      title={t(`refunds.is_${state}`, { amount: money(refund.amount_fen) })}
      description={
        <>
          {state === 'rejected' ? <p>{refusal(t, refund)}</p> : null}
          <p>{t(NEXT[state])}</p>
          <NextCheck refund={refund} />
          <RetryButton refund={refund} />
        </>
      }
    />
  );
}

export function NextCheck({ refund }: { refund: Refund }): ReactNode {
  const { t } = useText();
  if (refund.state !== 'unknown' || !refund.next_check_at) return null;
  const at = chinaTime(refund.next_check_at).slice(11);
  return <div className="small soft">{t('refunds.next_check', { at })}</div>;
}

/** For a refund that a retry may help, and for people who may refund. */
export function RetryButton({ refund, isLink = false }: { refund: Refund; isLink?: boolean }) {
  const { t } = useText();
  const { can } = useSession();
  const retry = useRetry();
  const isFor = refund.state === 'rejected' || refund.state === 'unknown';
  if (!isFor || !can('payments.refund')) return null;
  const label = t(refund.state === 'rejected' ? 'refunds.retry' : 'refunds.ask');
  return (
    <Button
      type={isLink ? 'link' : 'default'}
      size="small"
      aria-label={`${label} ${money(refund.amount_fen)}`}
      loading={retry.isPending}
      onClick={() => {
        if (!retry.isPending) retry.mutate(refund);
      }}
    >
      {label}
    </Button>
  );
}

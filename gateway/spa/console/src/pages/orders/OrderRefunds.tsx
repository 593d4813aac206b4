/** The refunds of one order, in its panel: what was refunded, what is left, and the button to
 * refund. */
import { money } from '@shared/money';
import { Button } from 'antd';
import { useState } from 'react';
import type { OrderDetail, Refund } from '../../api/shapes';
import { Money, Tag, When } from '../../parts/bits';
import { Failure } from '../../parts/states';
import { word } from '../../parts/words';
import { useSession } from '../../session/session';
import { useText } from '../../texts';
import { RefundDialog } from './refunds/RefundDialog';
import { NextCheck, RetryButton } from './refunds/RefundOutcome';
import {
  REFUND_TONES,
  refusal,
  requestersOf,
  useOrderCatchesUp,
  usePayment,
} from './refunds/refunding';
import { useForgetSettled } from './refunds/unanswered';

function Line({ refund }: { refund: Refund }) {
  const { t } = useText();
  return (
    <li>
      <div className="row">
        <strong>
          <Money fen={refund.amount_fen} />
        </strong>
        <Tag tone={REFUND_TONES[refund.state]}>{word(t, 'refund_state', refund.state)}</Tag>
        <RetryButton refund={refund} />
      </div>
      {refund.state === 'rejected' ? <p>{refusal(t, refund)}</p> : null}
      {refund.state === 'unknown' ? <p>{t('refunds.is_unknown_next')}</p> : null}
      <NextCheck refund={refund} />
      <div className="small soft">
        {[refund.reason, requestersOf(t, refund)].filter(Boolean).join(' · ')} ·{' '}
        <When at={refund.created_at} />
      </div>
    </li>
  );
}

export function OrderRefunds({ order }: { order: OrderDetail }) {
  const { t } = useText();
  const { can } = useSession();
  const [isOpen, setOpen] = useState(false);
  const payment = usePayment(order.payment_id);
  useOrderCatchesUp(payment.data, order.refunded_fen);
  useForgetSettled(payment.data, payment.dataUpdatedAt);
  if (!order.payment_id || !can('payments.read') || order.pay_state === 'unpaid') return null;
  if (payment.isLoadingError)
    return <Failure error={payment.error} retry={() => void payment.refetch()} />;
  if (!payment.data) return null;
  const { refunds, refundable_fen } = payment.data;
  return (
    <section aria-label={t('refunds.title')} className="order-refunds">
      <div className="row">
        <h3>{t('refunds.title')}</h3>
        <span className="soft push">
          {t('refunds.left')} <Money fen={refundable_fen} />
        </span>
        {can('payments.refund') && refundable_fen > 0 ? (
          <Button danger onClick={() => setOpen(true)}>
            {t('refunds.act')}
          </Button>
        ) : null}
      </div>
      {refunds.length > 0 ? (
        <ul className="refunds" aria-label={t('refunds.title')}>
          {refunds.map((refund) => (
            <Line key={refund.refund_id} refund={refund} />
          ))}
        </ul>
      ) : null}
      {isOpen ? (
        <RefundDialog
          payment={payment.data}
          orderNo={order.order_no}
          onClose={() => setOpen(false)}
        />
      ) : null}
    </section>
  );
}

/** The net amount, large; with the paid amount beside it if they differ. */
export function NetFigure({ order }: { order: OrderDetail }) {
  const { t } = useText();
  if (order.refunded_fen === 0) {
    return (
      <p className="figure">
        <Money fen={order.payable_fen} />
      </p>
    );
  }
  return (
    <div>
      <p className="figure-label">{t('refunds.net')}</p>
      <p className="figure">
        <Money fen={order.net_fen} />
      </p>
      <p className="figure-note">
        {t('orders.payable')} {money(order.payable_fen)} · {t('orders.refunded')}{' '}
        {money(order.refunded_fen)}
      </p>
    </div>
  );
}

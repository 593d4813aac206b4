/** One order beside the list: its facts, and its timeline. */

import { money } from '@shared/money';
import { useQuery } from '@tanstack/react-query';
import { Alert, Drawer, Timeline } from 'antd';
import { get } from '../../api/client';
import type { OrderDetail as Detail } from '../../api/shapes';
import { DeviceName } from '../../lookups/devices';
import { Facts, Id, Money, Tag, When } from '../../parts/bits';
import { Failure, Loading } from '../../parts/states';
import { useTabTitle } from '../../parts/tabTitle';
import { tone, word } from '../../parts/words';
import { type T, useText } from '../../texts';
import { isNoSuchOrder, NoSuchOrder } from './NoSuchOrder';
import { NetFigure, OrderRefunds } from './OrderRefunds';

/** Any other text in the address is not an order number and is not shown. */
const ORDER_NO = /^[DO]\d{14}$/;

const COLOURS: Record<string, string> = {
  paid: 'green',
  failed: 'red',
  late_success: 'red',
  refunded: 'orange',
  reversed: 'orange',
};

function note(t: T, data: Record<string, unknown> | undefined): string {
  if (!data) return '';
  const parts: string[] = [];
  if (typeof data.refund_fen === 'number') parts.push(money(data.refund_fen));
  if (typeof data.reason_code === 'string' && data.reason_code) {
    parts.push(word(t, 'failure', data.reason_code));
  }
  if (typeof data.trade_no === 'string' && data.trade_no) parts.push(data.trade_no);
  return parts.join(' · ');
}

function Shown({ order }: { order: Detail }) {
  const { t } = useText();
  return (
    <div className="stack">
      {order.is_late ? <Alert type="error" showIcon title={t('orders.late')} /> : null}
      <div className="row">
        <NetFigure order={order} />
        <Tag tone={tone(order.order_state)}>{word(t, 'order_state', order.order_state)}</Tag>
        <Tag tone={tone(order.pay_state)}>{word(t, 'pay_state', order.pay_state)}</Tag>
      </div>
      <OrderRefunds order={order} />
      <Facts
        rows={[
          [t('orders.no'), <Id key="no" value={order.order_no} label={t('orders.no')} />],
          [t('orders.type'), word(t, 'order_type', order.order_type)],
          [t('orders.sub_type'), word(t, 'sub_type', order.sub_type)],
          [t('orders.channel'), word(t, 'channel', order.channel)],
          [t('orders.subject'), order.subject],
          [t('orders.total'), <Money key="total" fen={order.total_fen} />],
          [t('orders.stored_value'), <Money key="stored" fen={order.stored_value_fen} />],
          [t('orders.store'), order.store_name ?? '—'],
          [t('orders.terminal'), word(t, 'terminal', order.source_terminal)],
          [t('orders.device'), <DeviceName key="dev" deviceId={order.device_id} />],
          [
            t('orders.out_trade_no'),
            <Id key="out" value={order.out_trade_no} label={t('orders.out_trade_no')} />,
          ],
          [
            t('orders.trade_no'),
            <Id key="trade" value={order.trade_no} label={t('orders.trade_no')} />,
          ],
          [t('orders.buyer'), order.buyer_logon_id ?? '—'],
          [t('orders.at'), <When key="at" at={order.ordered_at} />],
          [t('orders.paid_at'), <When key="paid" at={order.paid_at} />],
          [t('orders.closed_at'), <When key="closed" at={order.closed_at} />],
        ]}
      />
      <h3>{t('orders.timeline')}</h3>
      <Timeline
        items={(order.timeline ?? []).map((entry) => ({
          key: `${entry.kind}${entry.at}`,
          color: COLOURS[entry.kind] ?? 'gray',
          content: (
            <>
              <strong>{word(t, 'event', entry.kind)}</strong>{' '}
              <span>{note(t, entry.data as Record<string, unknown> | undefined)}</span>
              <div className="small soft">
                <When at={entry.at} />
              </div>
            </>
          ),
        }))}
      />
    </div>
  );
}

export function OrderPanel({
  orderNo,
  onClose,
}: {
  orderNo: string | undefined;
  onClose: () => void;
}) {
  const { t } = useText();
  const found = useQuery({
    queryKey: ['orders', 'one', orderNo],
    queryFn: () => get('/api/merchant/v1/orders/{order_no}', { path: { order_no: orderNo ?? '' } }),
    enabled: orderNo !== undefined,
  });
  const isNumber = orderNo !== undefined && ORDER_NO.test(orderNo);
  const isMissing = isNoSuchOrder(found.error);
  useTabTitle(
    isMissing ? t('orders.unknown') : isNumber ? t('orders.one', { no: orderNo }) : null,
    'over',
  );
  return (
    <Drawer
      open={orderNo !== undefined}
      onClose={onClose}
      size={560}
      title={isNumber ? orderNo : t('orders.title')}
      closable={{ 'aria-label': t('do.close') }}
      destroyOnHidden
    >
      {isMissing ? (
        <NoSuchOrder onBack={onClose} />
      ) : found.isLoadingError ? (
        <Failure error={found.error} retry={() => void found.refetch()} />
      ) : found.data ? (
        <Shown order={found.data as Detail} />
      ) : (
        <Loading />
      )}
    </Drawer>
  );
}

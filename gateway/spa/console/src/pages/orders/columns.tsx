/** The columns of the order list: shown by default, on request, and in an export. */
import { money, yuan } from '@shared/money';
import { chinaTime, ZONE } from '@shared/time';
import type { OrderRow as Order } from '../../api/shapes';
import { DeviceNumber } from '../../lookups/devices';
import { Id, Money, When } from '../../parts/bits';
import { type Beside, BesideLink } from '../../parts/lists/BesideLink';
import type { Column } from '../../parts/lists/columns';
import { word } from '../../parts/words';
import type { T } from '../../texts';
import { StatusTag, statusOf } from './status';

interface Means {
  t: T;
  /** a device's number, for an export: it is loaded first */
  sn: (id: string | null | undefined) => string | undefined;
  /** the address of an order */
  to: (order: Order) => Beside;
}

const plain = (fen: number) => yuan(fen).replaceAll(',', '');
const time = (at: string | null | undefined) => (at ? chinaTime(at) : '');

function how(t: T, order: Order): string {
  return order.sub_type === 'normal'
    ? word(t, 'channel', order.channel)
    : word(t, 'how', order.sub_type);
}

function main({ t, to }: Means): Column<Order>[] {
  return [
    {
      key: 'at',
      title: `${t('orders.time')} (${ZONE})`,
      render: (row) => <When at={row.ordered_at} isBare />,
      text: (row) => time(row.ordered_at),
    },
    {
      key: 'payable',
      title: t('orders.amount'),
      align: 'right',
      render: (row) => (
        <strong>
          <Money fen={row.payable_fen} />
        </strong>
      ),
      text: (row) => plain(row.payable_fen),
    },
    {
      key: 'status',
      title: t('orders.status'),
      render: (row) => <StatusTag order={row} />,
      text: (row) => t(`status.${statusOf(row)}`),
    },
    {
      key: 'store',
      title: t('orders.store'),
      render: (row) => <span className="whole">{row.store_name ?? '—'}</span>,
      text: (row) => row.store_name,
    },
    {
      key: 'how',
      title: t('orders.how'),
      render: (row) => how(t, row),
      text: (row) => how(t, row),
    },
    {
      key: 'order_no',
      title: t('orders.no'),
      render: (row) => <Id value={row.order_no} label={t('orders.no')} />,
      text: (row) => row.order_no,
    },
    {
      key: 'action',
      title: t('orders.action'),
      isAction: true,
      render: (row) => (
        <BesideLink to={to(row)} aria-label={`${t('do.detail')} ${row.order_no}`}>
          {t('do.detail')}
        </BesideLink>
      ),
    },
  ];
}

function extra({ t, sn }: Means): Column<Order>[] {
  const sum = (key: string, title: string, of: (row: Order) => number): Column<Order> => ({
    key,
    title,
    align: 'right',
    isExtra: true,
    render: (row) => <Money fen={of(row)} />,
    text: (row) => plain(of(row)),
  });
  const textColumn = (key: string, title: string, of: (row: Order) => string): Column<Order> => ({
    key,
    title,
    isExtra: true,
    render: (row) => of(row) || '—',
    text: of,
  });
  const number = (
    key: string,
    title: string,
    of: (row: Order) => string | null | undefined,
  ): Column<Order> => ({
    key,
    title,
    isExtra: true,
    render: (row) => <Id value={of(row)} label={title} isShort />,
    text: (row) => of(row) ?? '',
  });
  return [
    {
      ...textColumn('paid_at', t('orders.paid_at'), (row) => time(row.paid_at)),
      render: (row) => <When at={row.paid_at} />,
    },
    sum('refunded', t('orders.refunded'), (row) => row.refunded_fen),
    sum('kept', t('orders.kept'), (row) => row.net_fen ?? 0),
    {
      ...number('device', t('orders.device'), (row) => sn(row.device_id)),
      render: (row) => <DeviceNumber deviceId={row.device_id} />,
    },
    number('out_trade_no', t('orders.out_trade_no'), (row) => row.out_trade_no),
    number('trade_no', t('orders.trade_no'), (row) => row.trade_no),
    sum('total', t('orders.total'), (row) => row.total_fen),
    sum('stored_value', t('orders.stored_value'), (row) => row.stored_value_fen),
    textColumn('subject', t('orders.subject'), (row) => row.subject),
    textColumn('buyer', t('orders.buyer'), (row) => row.buyer_logon_id ?? ''),
    textColumn('order_type', t('orders.type'), (row) => word(t, 'order_type', row.order_type)),
    textColumn('sub_type', t('orders.sub_type'), (row) => word(t, 'sub_type', row.sub_type)),
    textColumn('order_state', t('orders.state'), (row) => word(t, 'order_state', row.order_state)),
    textColumn('pay_state', t('orders.pay_state'), (row) => word(t, 'pay_state', row.pay_state)),
    textColumn('pay_method', t('orders.pay_method'), (row) =>
      word(t, 'pay_method', row.pay_method),
    ),
    textColumn('receiver', t('orders.receiver'), (row) => row.receiver ?? ''),
    textColumn('phone', t('orders.phone'), (row) => row.receiver_phone ?? ''),
  ];
}

export function columnsOf(means: Means): Column<Order>[] {
  const [action] = main(means).slice(-1);
  return [...main(means).slice(0, -1), ...extra(means), ...(action ? [action] : [])];
}

/** Three lines on a phone: amount and status, time and store, method and number. */
export function OrderCard({ order, means }: { order: Order; means: Means }) {
  const { t, to } = means;
  return (
    <BesideLink className="order-card" to={to(order)}>
      <span>
        <strong>{money(order.payable_fen)}</strong>
        <StatusTag order={order} />
      </span>
      <span>
        <When at={order.ordered_at} isBare />
        <span className="end">{order.store_name ?? ''}</span>
      </span>
      <span className="soft small">
        <span className="nowrap">{how(t, order)}</span>
        <span className="mono end">{order.order_no}</span>
      </span>
    </BesideLink>
  );
}

/** Every refund: its amounts, its state, its requester; the order opens beside the list. */
import { money, yuan } from '@shared/money';
import { chinaTime } from '@shared/time';
import { useQuery } from '@tanstack/react-query';
import { Drawer } from 'antd';
import { useMemo } from 'react';
import { Link, useNavigate, useSearchParams } from 'react-router';
import { get, type Query } from '../../api/client';
import type { ListedRefund } from '../../api/shapes';
import { useStores } from '../../lookups/stores';
import { Id, Money, Tag, When } from '../../parts/bits';
import { BesideLink } from '../../parts/lists/BesideLink';
import type { Column } from '../../parts/lists/columns';
import { fetchDays } from '../../parts/lists/FilterBar';
import { type Filter, NUMBER, UUID } from '../../parts/lists/filters';
import { ListPage } from '../../parts/lists/ListPage';
import { Calm, Failure, Loading } from '../../parts/states';
import { word } from '../../parts/words';
import { useSession } from '../../session/session';
import { type T, useText } from '../../texts';
import { OrderPanel } from './OrderPanel';
import { OrderTabs, REFUNDS_PAGE } from './OrderTabs';
import { NextCheck, RetryButton } from './refunds/RefundOutcome';
import {
  askedAt,
  isOpen,
  REFUND_STATES,
  REFUND_TONES,
  refusal,
  requestersOf,
} from './refunds/refunding';

fetchDays();

const LOOK_MS = 4_000;
/** The payment whose order is open beside the list; in the address, so that it can be shared. */
const OPENED = 'payment';

function useFiltersOf(t: T): Filter[] {
  const { stores } = useStores();
  return useMemo(
    () => [
      {
        name: 'q',
        label: t('refunds.q'),
        kind: 'search',
        placeholder: t('refunds.q_hint'),
        accepts: NUMBER,
      },
      {
        name: 'state',
        label: t('refunds.state'),
        kind: 'select',
        options: REFUND_STATES.map((value) => ({ value, label: word(t, 'refund_state', value) })),
      },
      { name: 'from', label: t('refunds.from'), kind: 'day-from' },
      { name: 'to', label: t('refunds.until'), kind: 'day-to' },
      {
        name: 'store_id',
        label: t('orders.store'),
        kind: 'select',
        isExtra: true,
        accepts: UUID,
        options: stores.map((store) => ({ value: store.store_id, label: store.name })),
      },
    ],
    [t, stores],
  );
}

function State({ row }: { row: ListedRefund }) {
  const { t } = useText();
  return (
    <div>
      <Tag tone={REFUND_TONES[row.state]}>{word(t, 'refund_state', row.state)}</Tag>
      {row.state === 'rejected' ? <div className="small soft whole">{refusal(t, row)}</div> : null}
      <NextCheck refund={row} />
    </div>
  );
}

/** The address that opens a refund's order beside the list. */
const opened = (row: ListedRefund) => (search: string) => {
  const params = new URLSearchParams(search);
  params.set(OPENED, row.payment_id);
  return { pathname: REFUNDS_PAGE, search: params.toString() };
};

const sum = (key: string, title: string, of: (row: ListedRefund) => number) => ({
  key,
  title,
  align: 'right' as const,
  render: (row: ListedRefund) => <Money fen={of(row)} />,
  text: (row: ListedRefund) => yuan(of(row)).replaceAll(',', ''),
});

const textColumn = (key: string, title: string, of: (row: ListedRefund) => string | null) => ({
  key,
  title,
  render: (row: ListedRefund) => <span className="whole">{of(row) || '—'}</span>,
  text: of,
});

function columnsOf(t: T): Column<ListedRefund>[] {
  return [
    {
      key: 'at',
      title: t('refunds.at'),
      render: (row) => <When at={askedAt(row)} isBare />,
      text: (row) => chinaTime(askedAt(row)),
    },
    {
      ...sum('amount', t('refunds.sum'), (row) => row.amount_fen),
      render: (row) => (
        <strong>
          <Money fen={row.amount_fen} />
        </strong>
      ),
    },
    {
      key: 'state',
      title: t('refunds.state'),
      render: (row) => <State row={row} />,
      text: (row) => word(t, 'refund_state', row.state),
    },
    sum('paid', t('refunds.paid'), (row) => row.payable_fen),
    { ...sum('refunded', t('refunds.refunded'), (row) => row.refunded_fen), isExtra: true },
    textColumn('who', t('refunds.who'), (row) => requestersOf(t, row)),
    textColumn('reason', t('refunds.reason'), (row) => row.reason),
    textColumn('store', t('orders.store'), (row) => row.store_name),
    {
      ...textColumn('number', t('refunds.number'), (row) => row.out_trade_no),
      isExtra: true,
      render: (row) => <Id value={row.out_trade_no} label={t('refunds.number')} isShort />,
    },
    {
      ...textColumn('trade_no', t('orders.trade_no'), (row) => row.trade_no),
      isExtra: true,
      render: (row) => <Id value={row.trade_no} label={t('orders.trade_no')} isShort />,
    },
    {
      key: 'action',
      title: t('orders.action'),
      isAction: true,
      render: (row) => (
        <span className="row">
          <BesideLink
            to={opened(row)}
            aria-label={`${t('refunds.open_order')} ${row.out_trade_no} ${money(row.amount_fen)}`}
          >
            {t('refunds.open_order')}
          </BesideLink>
          <RetryButton refund={row} isLink />
        </span>
      ),
    },
  ];
}

/** Three lines on a phone: amount and state, time and store, requester and reason. */
function RefundCard({ row }: { row: ListedRefund }) {
  const { t } = useText();
  return (
    <>
      <BesideLink className="order-card" to={opened(row)}>
        <span>
          <strong>{money(row.amount_fen)}</strong>
          <Tag tone={REFUND_TONES[row.state]}>{word(t, 'refund_state', row.state)}</Tag>
        </span>
        <span>
          <When at={askedAt(row)} isBare />
          <span className="end">{row.store_name ?? ''}</span>
        </span>
        <span className="soft small">
          <span className="nowrap">{requestersOf(t, row)}</span>
          <span className="end">{row.state === 'rejected' ? refusal(t, row) : row.reason}</span>
        </span>
      </BesideLink>
      <RetryButton refund={row} isLink />
    </>
  );
}

/** The order of a payment; an event creates it a moment after the payment. */
function OrderOfPayment({ paymentId, onClose }: { paymentId: string; onClose: () => void }) {
  const { t } = useText();
  const found = useQuery({
    queryKey: ['orders', 'of', paymentId],
    queryFn: () => get('/api/merchant/v1/orders', { query: { payment_id: paymentId } }),
  });
  const order = found.data?.items[0];
  if (order) return <OrderPanel orderNo={order.order_no} onClose={onClose} />;
  return (
    <Drawer
      open
      size={560}
      onClose={onClose}
      title={t('refunds.order')}
      closable={{ 'aria-label': t('do.close') }}
    >
      {found.isLoadingError ? (
        <Failure error={found.error} retry={() => void found.refetch()} />
      ) : found.data ? (
        <Calm title={t('refunds.no_order')} />
      ) : (
        <Loading />
      )}
    </Drawer>
  );
}

const LIVE = {
  everyMs: LOOK_MS,
  since: (top: ListedRefund): Query => ({ from: askedAt(top) }),
};

/** The page is loaded again by itself while one of its refunds is open. */
const lookAgainMs = (shown: ListedRefund[]) => (shown.some(isOpen) ? LOOK_MS : false);

/** A complete order number: the payment service, which lists refunds, does not know it. */
const ORDER_NO = /^D\d{14}$/i;

async function numberOf(q: string): Promise<string> {
  if (!ORDER_NO.test(q)) return q;
  const { items } = await get('/api/merchant/v1/orders', { query: { q } });
  return items[0]?.out_trade_no ?? q;
}

async function load({ page: _, back, page_size, from, to, q, ...query }: Query) {
  const number = typeof q === 'string' ? await numberOf(q) : undefined;
  return get('/api/merchant/v1/refunds', {
    query: { ...query, q: number, before: back, limit: page_size, since: from, until: to },
  });
}

export default function Refunds() {
  const { t } = useText();
  const mayRefund = useSession().can('payments.refund');
  const [params] = useSearchParams();
  const navigate = useNavigate();
  const { storeId } = useStores();
  const filters = useFiltersOf(t);
  const fixed = useMemo(() => (storeId ? { store_id: storeId } : {}), [storeId]);
  const paymentId = params.get(OPENED);
  const close = () => {
    const left = new URLSearchParams(window.location.search);
    left.delete(OPENED);
    navigate({ pathname: REFUNDS_PAGE, search: left.toString() });
  };
  return (
    <>
      <ListPage<ListedRefund>
        title={t('refunds.title')}
        lead={t(mayRefund ? 'refunds.lead' : 'refunds.lead_read')}
        queryKey={['refunds']}
        load={load}
        rowKey={(row) => row.refund_id}
        columns={columnsOf(t)}
        card={(row) => <RefundCard row={row} />}
        live={LIVE}
        lookAgainMs={lookAgainMs}
        onOpen={(row) => navigate(opened(row)(window.location.search))}
        exports
        filters={filters}
        fixed={fixed}
        above={<OrderTabs />}
        empty={{
          title: t('refunds.empty'),
          hint: t(mayRefund ? 'refunds.empty_hint' : 'refunds.empty_hint_read'),
          action: <Link to="/orders">{t('refunds.to_orders')}</Link>,
        }}
      />
      {paymentId ? <OrderOfPayment paymentId={paymentId} onClose={close} /> : null}
    </>
  );
}

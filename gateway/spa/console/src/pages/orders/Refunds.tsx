/** Every refund: how much of what, how it stands, who asked; the order opens beside the list. */
import { money } from '@shared/money';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Drawer } from 'antd';
import { useCallback, useEffect, useMemo, useState } from 'react';
import { Link, useLocation, useNavigate, useSearchParams } from 'react-router';
import { get, type Query } from '../../api/client';
import type { ListedRefund } from '../../api/shapes';
import { Money, Tag, When } from '../../parts/bits';
import { type Filter, NUMBER, UUID } from '../../parts/filters';
import { type Column, ListPage } from '../../parts/ListPage';
import { Calm, Failure, Loading } from '../../parts/states';
import { word } from '../../parts/words';
import { useStores } from '../../shell/stores';
import { type T, useText } from '../../texts';
import { OrderPanel } from './OrderPanel';
import { OrderTabs, REFUNDS_PAGE } from './OrderTabs';
import { NextCheck, RetryButton } from './RefundOutcome';
import { isOpen, REFUND_STATES, REFUND_TONES, refusal, whoAsked } from './refunding';

const LOOK_MS = 3_000;
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
      {row.state === 'rejected' ? <div className="small soft">{refusal(t, row)}</div> : null}
      <NextCheck refund={row} />
    </div>
  );
}

function columnsOf(t: T, search: string): Column<ListedRefund>[] {
  const opened = (row: ListedRefund) => {
    const params = new URLSearchParams(search);
    params.set(OPENED, row.payment_id);
    return { pathname: REFUNDS_PAGE, search: params.toString() };
  };
  return [
    { key: 'at', title: t('refunds.at'), render: (row) => <When at={row.created_at} /> },
    {
      key: 'amount',
      title: t('refunds.sum'),
      align: 'right',
      render: (row) => (
        <strong>
          <Money fen={row.amount_fen} />
        </strong>
      ),
    },
    { key: 'state', title: t('refunds.state'), render: (row) => <State row={row} /> },
    {
      key: 'paid',
      title: t('refunds.paid'),
      align: 'right',
      render: (row) => <Money fen={row.payable_fen} />,
    },
    {
      key: 'refunded',
      title: t('refunds.refunded'),
      align: 'right',
      render: (row) => <Money fen={row.refunded_fen} />,
    },
    { key: 'who', title: t('refunds.who'), render: (row) => whoAsked(t, row) },
    { key: 'reason', title: t('refunds.reason'), render: (row) => row.reason ?? '—' },
    { key: 'store', title: t('orders.store'), render: (row) => row.store_name ?? '—' },
    {
      key: 'number',
      title: t('refunds.number'),
      render: (row) => <span className="mono">{row.out_trade_no}</span>,
    },
    {
      key: 'action',
      title: t('orders.action'),
      isAction: true,
      render: (row) => (
        <span className="row">
          <Link
            to={opened(row)}
            aria-label={`${t('refunds.open_order')} ${row.out_trade_no} ${money(row.amount_fen)}`}
          >
            {t('refunds.open_order')}
          </Link>
          <RetryButton refund={row} isLink />
        </span>
      ),
    },
  ];
}

/** The order of a payment; it is made by an event, a moment after the payment. */
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
      {found.isError ? (
        <Failure error={found.error} retry={() => void found.refetch()} />
      ) : found.data ? (
        <Calm title={t('refunds.no_order')} />
      ) : (
        <Loading />
      )}
    </Drawer>
  );
}

/** Loads a page, and looks again by itself while one of its refunds is open. */
function useLoad() {
  const queries = useQueryClient();
  const [hasOpen, setHasOpen] = useState(false);
  const load = useCallback(async ({ page: _, page_size, from, to, ...query }: Query) => {
    const found = await get('/api/merchant/v1/refunds', {
      query: { ...query, limit: page_size, since: from, until: to },
    });
    setHasOpen(found.items.some(isOpen));
    return found;
  }, []);
  useEffect(() => {
    if (!hasOpen) return undefined;
    const look = () => void queries.invalidateQueries({ queryKey: ['refunds'] });
    const timer = setInterval(look, LOOK_MS);
    return () => clearInterval(timer);
  }, [hasOpen, queries]);
  return load;
}

export default function Refunds() {
  const { t } = useText();
  const { search } = useLocation();
  const [params] = useSearchParams();
  const navigate = useNavigate();
  const { storeId } = useStores();
  const filters = useFiltersOf(t);
  const fixed = useMemo(() => (storeId ? { store_id: storeId } : {}), [storeId]);
  const load = useLoad();
  const paymentId = params.get(OPENED);
  const close = () => {
    const left = new URLSearchParams(search);
    left.delete(OPENED);
    navigate({ pathname: REFUNDS_PAGE, search: left.toString() });
  };
  return (
    <>
      <ListPage<ListedRefund>
        title={t('refunds.title')}
        lead={t('refunds.lead')}
        queryKey={['refunds']}
        load={load}
        rowKey={(row) => row.refund_id}
        columns={columnsOf(t, search)}
        filters={filters}
        fixed={fixed}
        above={<OrderTabs />}
        empty={{
          title: t('refunds.empty'),
          hint: t('refunds.empty_hint'),
          action: <Link to="/orders">{t('refunds.to_orders')}</Link>,
        }}
      />
      {paymentId ? <OrderOfPayment paymentId={paymentId} onClose={close} /> : null}
    </>
  );
}

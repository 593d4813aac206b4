/** S76–S100: every face payment as an order; the detail opens beside the list and has its own
 * address. */

import { money } from '@shared/money';
import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { useNavigate, useParams } from 'react-router';
import { get, type Query } from '../../api/client';
import type { OrderRow as Order } from '../../api/shapes';
import { useDeviceNumbers } from '../../lookups/devices';
import { useStores } from '../../lookups/stores';
import { GoButton } from '../../parts/GoButton';
import { fetchDays } from '../../parts/lists/FilterBar';
import { type Filter, NUMBER, UUID } from '../../parts/lists/filters';
import { ListPage } from '../../parts/lists/ListPage';
import { word } from '../../parts/words';
import { useSession } from '../../session/session';
import { type T, useText } from '../../texts';
import { columnsOf, OrderCard } from './columns';
import { OrderPanel } from './OrderPanel';
import { OrderTabs } from './OrderTabs';

fetchDays();

/** The order opens beside the list, at its own address. */
const to = (order: Order) => (search: string) => ({
  pathname: `/orders/${order.order_no}`,
  search,
});

const EVERY_MS = 4_000;
const LIVE = { everyMs: EVERY_MS, since: (top: Order) => ({ from: top.ordered_at }) };

function useFiltersOf(t: T): Filter[] {
  const { stores } = useStores();
  return useMemo(() => {
    const select = (name: string, label: string, values: string[]): Filter => ({
      name,
      label,
      kind: 'select',
      options: values.map((value) => ({ value, label: word(t, name, value) })),
    });
    const extra = (filter: Filter): Filter => ({ ...filter, isExtra: true });
    return [
      {
        name: 'q',
        label: t('orders.q'),
        kind: 'search',
        placeholder: t('orders.q_hint'),
        accepts: NUMBER,
      },
      select('pay_state', t('orders.pay_state'), [
        'paid',
        'unpaid',
        'partially_refunded',
        'refunded',
      ]),
      { name: 'from', label: t('orders.from'), kind: 'day-from' },
      { name: 'to', label: t('orders.to'), kind: 'day-to' },
      extra({
        name: 'store_id',
        label: t('orders.store'),
        kind: 'select',
        accepts: UUID,
        options: stores.map((store) => ({ value: store.store_id, label: store.name })),
      }),
      extra({
        name: 'needs_check',
        label: t('orders.check'),
        kind: 'select',
        options: [{ value: 'true', label: t('orders.check_yes') }],
      }),
      extra(select('order_state', t('orders.state'), ['completed', 'cancelled'])),
      extra(select('order_type', t('orders.type'), ['face_pay', 'goods'])),
      extra(select('sub_type', t('orders.sub_type'), ['alipay_face', 'alipay_code', 'normal'])),
      extra(select('pay_method', t('orders.pay_method'), ['online'])),
    ];
  }, [t, stores]);
}

/** The API's names for the position where a page begins. */
function load({ cursor, back, ...query }: Query) {
  return get('/api/merchant/v1/orders', { query: { ...query, after: cursor, before: back } });
}

function Today() {
  const { t } = useText();
  const { storeId } = useStores();
  const board = useQuery({
    queryKey: ['dashboard', storeId],
    queryFn: () => get('/api/merchant/v1/dashboard', { query: { store_id: storeId } }),
    refetchInterval: EVERY_MS * 4,
  });
  if (!board.data) return null;
  const { paid_fen, refunded_fen, count } = board.data.today;
  return (
    <p className="list-line soft small">
      {t('orders.today_line', { count, kept: money(paid_fen - refunded_fen) })}
      {refunded_fen > 0 ? t('orders.today_refunded', { refunded: money(refunded_fen) }) : ''}
    </p>
  );
}

export default function Orders() {
  const { t } = useText();
  const { can } = useSession();
  const { orderNo } = useParams();
  const navigate = useNavigate();
  const { storeId } = useStores();
  const { sn, load: loadDevices } = useDeviceNumbers();
  const filters = useFiltersOf(t);
  const fixed = useMemo(() => (storeId ? { store_id: storeId } : {}), [storeId]);
  const means = { t, sn, to };
  return (
    <>
      <ListPage<Order>
        title={t('orders.title')}
        lead={t('orders.lead')}
        queryKey={['orders']}
        load={load}
        rowKey={(row) => row.order_id}
        columns={columnsOf(means)}
        card={(order) => <OrderCard order={order} means={means} />}
        filters={filters}
        fixed={fixed}
        above={
          <>
            <OrderTabs />
            <Today />
          </>
        }
        live={LIVE}
        onOpen={(order) => navigate(to(order)(window.location.search))}
        exports
        prepare={loadDevices}
        empty={{
          title: t('orders.empty'),
          hint: t(can('apps.read') ? 'orders.empty_hint' : 'orders.empty_hint_read'),
          action: can('apps.read') ? (
            <GoButton type="primary" to="/onboarding">
              {t('menu.onboarding')}
            </GoButton>
          ) : null,
        }}
      />
      <OrderPanel
        orderNo={orderNo}
        onClose={() => navigate({ pathname: '/orders', search: window.location.search })}
      />
    </>
  );
}

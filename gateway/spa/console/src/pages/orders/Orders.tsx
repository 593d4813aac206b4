/** S76–S100: every face payment as an order; the detail opens beside the list and has its address. */

import { money } from '@shared/money';
import { chinaTime } from '@shared/time';
import { Button } from 'antd';
import { useMemo } from 'react';
import { useLocation, useNavigate, useParams } from 'react-router';
import { get } from '../../api/client';
import type { OrderRow as Order } from '../../api/shapes';
import { Id, Money, Tag, When } from '../../parts/bits';
import type { Filter } from '../../parts/filters';
import { type Column, ListPage } from '../../parts/ListPage';
import { tone, word } from '../../parts/words';
import { useStores } from '../../shell/stores';
import { type T, useText } from '../../texts';
import { OrderPanel } from './OrderPanel';
import { OrderTabs } from './OrderTabs';

function useFiltersOf(t: T): Filter[] {
  const { stores } = useStores();
  return useMemo(() => {
    const choices = (group: string, values: string[]) =>
      values.map((value) => ({ value, label: word(t, group, value) }));
    return [
      { name: 'q', label: t('orders.q'), kind: 'search', placeholder: t('orders.q_hint') },
      {
        name: 'pay_state',
        label: t('orders.pay_state'),
        kind: 'select',
        options: choices('pay_state', ['paid', 'unpaid', 'partially_refunded', 'refunded']),
      },
      { name: 'from', label: t('orders.from'), kind: 'day-from' },
      { name: 'to', label: t('orders.to'), kind: 'day-to' },
      {
        name: 'order_state',
        label: t('orders.state'),
        kind: 'select',
        isExtra: true,
        options: choices('order_state', ['completed', 'cancelled']),
      },
      {
        name: 'order_type',
        label: t('orders.type'),
        kind: 'select',
        isExtra: true,
        options: choices('order_type', ['face_pay', 'goods']),
      },
      {
        name: 'sub_type',
        label: t('orders.sub_type'),
        kind: 'select',
        isExtra: true,
        options: choices('sub_type', ['alipay_face', 'alipay_code', 'normal']),
      },
      {
        name: 'pay_method',
        label: t('orders.pay_method'),
        kind: 'select',
        isExtra: true,
        options: choices('pay_method', ['online']),
      },
      {
        name: 'store_id',
        label: t('orders.store'),
        kind: 'select',
        isExtra: true,
        options: stores.map((store) => ({ value: store.store_id, label: store.name })),
      },
    ];
  }, [t, stores]);
}

function columnsOf(t: T, open: (order: Order) => void): Column<Order>[] {
  return [
    {
      key: 'order_no',
      title: t('orders.no'),
      render: (row) => <Id value={row.order_no} label={t('orders.no')} />,
      text: (row) => row.order_no,
    },
    {
      key: 'at',
      title: t('orders.at'),
      render: (row) => <When at={row.ordered_at} />,
      text: (row) => chinaTime(row.ordered_at),
    },
    {
      key: 'sub_type',
      title: t('orders.sub_type'),
      render: (row) => word(t, 'sub_type', row.sub_type),
      text: (row) => word(t, 'sub_type', row.sub_type),
    },
    {
      key: 'order_state',
      title: t('orders.state'),
      render: (row) => (
        <Tag tone={tone(row.order_state)}>{word(t, 'order_state', row.order_state)}</Tag>
      ),
      text: (row) => word(t, 'order_state', row.order_state),
    },
    {
      key: 'pay_state',
      title: t('orders.pay_state'),
      render: (row) => (
        <Tag tone={row.is_late ? 'bad' : tone(row.pay_state)}>
          {word(t, 'pay_state', row.pay_state)}
        </Tag>
      ),
      text: (row) => word(t, 'pay_state', row.pay_state),
    },
    {
      key: 'pay_method',
      title: t('orders.pay_method'),
      render: (row) => word(t, 'pay_method', row.pay_method),
      text: (row) => word(t, 'pay_method', row.pay_method),
    },
    {
      key: 'stored_value',
      title: t('orders.stored_value'),
      align: 'right',
      render: (row) => <Money fen={row.stored_value_fen} />,
      text: (row) => money(row.stored_value_fen).replace('¥', '').replaceAll(',', ''),
    },
    {
      key: 'payable',
      title: t('orders.payable'),
      align: 'right',
      render: (row) => (
        <strong>
          <Money fen={row.payable_fen} />
        </strong>
      ),
      text: (row) => money(row.payable_fen).replace('¥', '').replaceAll(',', ''),
    },
    {
      key: 'store',
      title: t('orders.store'),
      render: (row) => row.store_name ?? '—',
      text: (row) => row.store_name,
    },
    {
      key: 'receiver',
      title: t('orders.receiver'),
      render: (row) => row.receiver ?? '—',
      text: (row) => row.receiver,
    },
    {
      key: 'phone',
      title: t('orders.phone'),
      render: (row) => row.receiver_phone ?? '—',
      text: (row) => row.receiver_phone,
    },
    {
      key: 'action',
      title: t('orders.action'),
      isAction: true,
      render: (row) => (
        <Button
          type="link"
          size="small"
          aria-label={`${t('do.detail')} ${row.order_no}`}
          onClick={() => open(row)}
        >
          {t('do.detail')}
        </Button>
      ),
    },
  ];
}

export default function Orders() {
  const { t } = useText();
  const { orderNo } = useParams();
  const { search } = useLocation();
  const navigate = useNavigate();
  const { storeId } = useStores();
  const filters = useFiltersOf(t);
  const fixed = useMemo(() => (storeId ? { store_id: storeId } : {}), [storeId]);
  const open = (order: Order) => navigate({ pathname: `/orders/${order.order_no}`, search });
  return (
    <>
      <ListPage<Order>
        title={t('orders.title')}
        lead={t('orders.lead')}
        queryKey={['orders']}
        load={(query) => get('/api/merchant/v1/orders', { query })}
        rowKey={(row) => row.order_id}
        columns={columnsOf(t, open)}
        filters={filters}
        fixed={fixed}
        onOpen={open}
        exports
        above={<OrderTabs />}
        empty={{
          title: t('orders.empty'),
          hint: t('orders.empty_hint'),
          action: (
            <Button type="primary" onClick={() => navigate('/onboarding')}>
              {t('menu.onboarding')}
            </Button>
          ),
        }}
      />
      <OrderPanel orderNo={orderNo} onClose={() => navigate({ pathname: '/orders', search })} />
    </>
  );
}

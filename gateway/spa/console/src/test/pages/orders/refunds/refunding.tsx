/** A paid order, its refunds, and the dialog that makes one. */
import { render, screen, within } from '@testing-library/react';
import type userEvent from '@testing-library/user-event';
import { makeQueries, Providers } from '../../../../app';
import { answers, type SentRequest } from '../../../answers';

export const ORDER_NO = 'D26112800000001';
export const PAYMENT = '/api/merchant/v1/payments/p-1';
export const REFUNDS = `${PAYMENT}/refunds`;
export const OWNER = {
  user: { user_id: 'u', login: 'owner@demo', name: '李雷', role: 'merchant_owner' },
  merchant: { merchant_id: 'm', name: '豆娘演示商户', created_at: '2026-11-26T00:00:00Z' },
  permissions: ['orders.read', 'payments.read', 'payments.refund', 'stores.read'],
  expires_at: '2026-11-27T00:00:00Z',
};
export const EMPTY = { items: [], total: 0, page: 1, page_size: 20 };
export const ORDER = {
  order_id: 'o-1',
  order_no: ORDER_NO,
  order_type: 'face_pay',
  sub_type: 'alipay_face',
  order_state: 'completed',
  pay_state: 'paid',
  pay_method: 'online',
  channel: 'alipay',
  stored_value_fen: 0,
  total_fen: 2000,
  payable_fen: 2000,
  refunded_fen: 0,
  net_fen: 2000,
  is_late: false,
  store_id: 's',
  store_name: '一店',
  device_id: null,
  payment_id: 'p-1',
  out_trade_no: 'T1',
  trade_no: '2088',
  buyer_logon_id: null,
  receiver: null,
  receiver_phone: null,
  subject: '茶',
  source_terminal: 'device',
  ordered_at: '2026-11-28T04:00:00Z',
  paid_at: '2026-11-28T04:00:01Z',
  closed_at: null,
  timeline: [],
};
export const REFUND = {
  refund_id: 'f-1',
  payment_id: 'p-1',
  refund_request_id: 'r-1',
  amount_fen: 1250,
  reason: '商品退货',
  origin: 'console',
  status: 'done',
  state: 'done',
  next_check_at: null,
  requested_by_name: '李雷',
  created_at: '2026-11-28T05:00:00Z',
  first_requested_by_name: null,
  first_requested_at: null,
  finished_at: '2026-11-28T05:00:01Z',
  rejection: null,
};
export const paid = (refunds: object[] = [], left = 2000) => ({
  payment_id: 'p-1',
  status: 'paid',
  amount_fen: 2000,
  refunded_fen: 0,
  refundable_fen: left,
  refunds,
});

export function answering(
  more: Parameters<typeof answers>[0],
  session: object = OWNER,
): SentRequest[] {
  return answers({
    'GET /api/merchant/v1/session': { body: session },
    'GET /api/merchant/v1/stores': { body: EMPTY },
    'GET /api/merchant/v1/orders': { body: { ...EMPTY, items: [ORDER], total: 1 } },
    [`GET /api/merchant/v1/orders/${ORDER_NO}`]: { body: ORDER },
    [`GET ${PAYMENT}`]: { body: paid() },
    ...more,
  });
}

export function show(path: string) {
  window.history.replaceState(null, '', path);
  return render(<Providers queries={makeQueries()} />);
}

/** By what is written on it: roles cost seconds in a DOM of this size. */
export const BUTTON = { selector: 'button span, label span' };

export async function openDialog(person: ReturnType<typeof userEvent.setup>) {
  await person.click(await screen.findByText('退款', BUTTON));
  const title = await screen.findByText(`退款 · ${ORDER_NO}`);
  return within(title.closest('.ant-modal') as HTMLElement);
}

export const sent = (seen: SentRequest[]) =>
  seen.filter((one) => one.method === 'POST').map((one) => one.body as Record<string, unknown>);

export const LISTED = {
  ...REFUND,
  store_id: 's',
  store_name: '一店',
  out_trade_no: 'T1',
  trade_no: '2088',
  payable_fen: 2000,
  refunded_fen: 0,
};

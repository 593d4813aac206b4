/** What opens beside a list keeps the filters, also those that the page is not drawn with yet. */
import { fireEvent, render, screen, waitFor } from '@testing-library/react';
import { BrowserRouter } from 'react-router';
import { beforeEach, expect, it } from 'vitest';
import { makeQueries, Providers } from '../../../app';
import { BesideLink } from '../../../parts/lists/BesideLink';
import { answers } from '../../answers';

const OWNER = {
  user: { user_id: 'u', login: 'owner@demo', name: '李雷', role: 'merchant_owner' },
  merchant: { merchant_id: 'm', name: '豆娘演示商户', created_at: '2026-11-26T00:00:00Z' },
  permissions: ['orders.read', 'payments.read'],
  expires_at: '2026-11-27T00:00:00Z',
};
const AT = '2026-11-28T14:00:00Z';
const ORDER = {
  ...{ order_id: 'o', order_no: 'D26112800000001', order_type: 'face_pay' },
  ...{ sub_type: 'alipay_face', order_state: 'completed', pay_state: 'paid', pay_method: 'online' },
  ...{ channel: 'alipay', stored_value_fen: 0, total_fen: 1234, payable_fen: 1234 },
  ...{ refunded_fen: 0, net_fen: 1234, is_late: false, needs_check: false, store_name: '一店' },
  ...{ store_id: null, device_id: null, payment_id: 'p', out_trade_no: '20261128', trade_no: null },
  ...{ buyer_logon_id: null, receiver: null, receiver_phone: null, subject: '拿铁' },
  ...{ source_terminal: 'device', ordered_at: AT, paid_at: AT, closed_at: null },
};
const REFUND = {
  ...{
    refund_id: 'r',
    payment_id: 'p',
    out_trade_no: '20261128',
    trade_no: null,
    state: 'succeeded',
  },
  ...{ amount_fen: 100, payable_fen: 1234, refunded_fen: 100, store_name: '一店', reason: '' },
  ...{ requested_at: AT, created_at: AT, requester: null, requesters: [], events: [] },
};

function show(path: string) {
  const page = { total: 1, page: 1, page_size: 20, next: null, previous: null };
  answers({
    'GET /api/merchant/v1/session': { body: OWNER },
    'GET /api/merchant/v1/orders': { body: { ...page, items: [ORDER] } },
    'GET /api/merchant/v1/refunds': { body: { ...page, items: [REFUND] } },
  });
  window.history.replaceState(null, '', path);
  render(<Providers queries={makeQueries()} />);
}

/** The address as a filter has just changed it, before the page is drawn with it. */
const change = (search: string) =>
  window.history.replaceState(window.history.state, '', window.location.pathname + search);

beforeEach(() => localStorage.setItem('damselfly.language', 'zh-CN'));

it('opens and closes an order with the search of a moment ago', async () => {
  show('/orders');
  const row = (await screen.findByText('D26112800000001')).closest('tr') as HTMLElement;
  change('?q=0001');
  fireEvent.click(row);
  await waitFor(() => expect(window.location.pathname).toBe('/orders/D26112800000001'));
  expect(window.location.search).toBe('?q=0001');
  const close = await screen.findByRole('button', { name: '关闭' });
  change('?q=0002');
  fireEvent.click(close);
  await waitFor(() => expect(window.location.pathname).toBe('/orders'));
  expect(window.location.search).toBe('?q=0002');
});

it('opens and closes the order of a refund with the search of a moment ago', async () => {
  show('/orders/refunds');
  const row = (await screen.findByText('一店')).closest('tr') as HTMLElement;
  change('?q=0001');
  fireEvent.click(row);
  await waitFor(() => expect(window.location.search).toBe('?q=0001&payment=p'));
  change('?q=0002&payment=p');
  await waitFor(() => {
    fireEvent.click(screen.getByRole('button', { name: '关闭' }));
    expect(window.location.search).toBe('?q=0002');
  });
});

it('takes the filters of now when a link is pressed, and leaves other tabs to the browser', () => {
  window.history.replaceState(null, '', '/orders');
  render(<BesideLink to={(search) => ({ pathname: '/orders/1', search })}>一</BesideLink>, {
    wrapper: BrowserRouter,
  });
  const link = screen.getByText('一');
  expect(link.getAttribute('href')).toBe('/orders/1');
  change('?q=0001');
  let isOurs = true;
  const browser = (event: Event) => {
    isOurs = event.defaultPrevented;
    event.preventDefault();
  };
  window.addEventListener('click', browser, { once: true });
  fireEvent.click(link, { ctrlKey: true });
  expect(isOurs).toBe(false);
  expect(window.location.pathname).toBe('/orders');
  fireEvent.click(link);
  expect(window.location.pathname + window.location.search).toBe('/orders/1?q=0001');
});

/** The list of refunds: its pages, and who asked. */
import { screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeEach, expect, it, vi } from 'vitest';
import { chooseLanguage } from '../../../../texts';
import { answering, BUTTON, EMPTY, LISTED, OWNER, show } from './refunding';

beforeEach(() => chooseLanguage('zh-CN'));

/** The row of a payment, by the link that opens its order. */
const orderOf = (number: string) => new RegExp(` ${number} `);

it('pages back the way it came, and leads to the top from a page that is empty by now', async () => {
  const rows = Array.from({ length: 3 }, (_, place) => ({
    ...LISTED,
    refund_id: `f-${place}`,
    out_trade_no: `T${place}`,
  }));
  const [top, second, third] = rows.map((row) => [row]);
  const seen = answering({
    'GET /api/merchant/v1/refunds': (one) => {
      const { searchParams } = new URL(`http://x${one.path}`);
      if (searchParams.get('cursor') === 'gone') return { body: { items: [], next: null } };
      if (searchParams.get('cursor') === 'c-2')
        return { body: { items: third, next: null, previous: 'b-2' } };
      if (searchParams.get('cursor') === 'c-1' || searchParams.get('before') === 'b-2')
        return { body: { items: second, next: 'c-2', previous: 'b-1' } };
      return { body: { items: top, next: 'c-1', previous: null } };
    },
  });
  show('/orders/refunds');
  const person = userEvent.setup();
  const turn = async (word: string, to: string) => {
    await person.click(screen.getByText(word, BUTTON));
    expect(await screen.findByLabelText(orderOf(to))).toBeTruthy();
  };
  expect(await screen.findByLabelText(orderOf('T0'))).toBeTruthy();
  await turn('更早的', 'T1');
  await turn('更早的', 'T2');
  await turn('较新的', 'T1');
  const asked = seen.filter((one) => one.path.includes('before='));
  expect(asked.map((one) => one.path)).toEqual([
    expect.stringMatching(/refunds\?before=b-2&limit=20$/),
  ]);
  await turn('较新的', 'T0');
  expect(window.location.search).toBe('');
  window.history.pushState(null, '', '/orders/refunds?cursor=gone');
  window.dispatchEvent(new PopStateEvent('popstate'));
  await waitFor(() => expect(window.location.search).toBe(''));
  expect(await screen.findByLabelText(orderOf('T0'))).toBeTruthy();
});

it('finds the refunds of an order by its own number, which the refunds do not know', async () => {
  const seen = answering({
    'GET /api/merchant/v1/orders': { body: { items: [{ out_trade_no: 'T7' }], next: null } },
    'GET /api/merchant/v1/refunds': { body: { items: [LISTED], next: null } },
  });
  const asked = (door: string) =>
    seen.map((one) => new URL(`http://x${one.path}`)).filter((url) => url.pathname.endsWith(door));
  show('/orders/refunds?q=D26112805005757');
  await waitFor(() => expect(asked('/refunds')[0]?.searchParams.get('q')).toBe('T7'));
  expect(asked('/orders')[0]?.searchParams.get('q')).toBe('D26112805005757');
});

it.each([
  ['李雷', '李雷，韩梅梅重试'],
  ['韩梅梅', '韩梅梅，已重试'],
  [null, '韩梅梅重试'],
])('names %j who asked first beside who tried it again', async (first, told) => {
  const retried = {
    ...LISTED,
    requested_by_name: '韩梅梅',
    first_requested_by_name: first,
    first_requested_at: '2026-11-28T04:00:00Z',
  };
  answering({ 'GET /api/merchant/v1/refunds': { body: { items: [retried], next: null } } });
  show('/orders/refunds');
  expect(await screen.findByText(told, { selector: 'td span' })).toBeTruthy();
});

it('looks again for what is open on the page that is shown, whatever an export read', async () => {
  // A file that is really fetched would lead the small DOM away from the page.
  vi.spyOn(URL, 'createObjectURL').mockReturnValue('blob:x');
  vi.spyOn(HTMLAnchorElement.prototype, 'click').mockImplementation(() => undefined);
  const open = { ...LISTED, state: 'pending' };
  const old = { ...LISTED, refund_id: 'f-2', out_trade_no: 'T2' };
  const seen = answering({
    'GET /api/merchant/v1/refunds': ({ path }) =>
      path.includes('cursor=c-1')
        ? { body: { items: [old], next: null } }
        : { body: { items: [open], next: 'c-1' } },
  });
  // Not the top of the list, where what comes is asked for in any case.
  show('/orders/refunds?cursor=c-0');
  await screen.findByLabelText(orderOf('T1'));
  await userEvent.setup().click(screen.getByText('导出', BUTTON));
  await screen.findByText('已导出 2 条');
  const shown = () => seen.filter((one) => one.path.includes('cursor=c-0')).length;
  const before = shown();
  await waitFor(() => expect(shown()).toBeGreaterThan(before));
});

it('says of an address that names no payment that there is none', async () => {
  answering({
    'GET /api/merchant/v1/refunds': { body: { items: [LISTED], next: null } },
    'GET /api/merchant/v1/orders': { status: 422, body: { code: 'invalid', title: '有 Fix.' } },
  });
  show('/orders/refunds?payment=zzz');
  expect(await screen.findByText('没有找到')).toBeTruthy();
  expect(screen.queryByText('重试')).toBeNull();
});

const CASHIER = { ...OWNER, permissions: ['orders.read', 'payments.read', 'stores.read'] };

it.each([
  ['who may', { ...OWNER, permissions: [...OWNER.permissions, 'apps.read'] }, true],
  ['who may not', CASHIER, false],
])('tells %s of refunds and of the wizard', async (_, who, may) => {
  const lists = {
    'GET /api/merchant/v1/orders': { body: EMPTY },
    'GET /api/merchant/v1/refunds': { body: { items: [], next: null } },
  };
  answering(lists, who);
  const page = show('/orders');
  await screen.findByText('还没有订单');
  expect(screen.queryByText(/先走一遍开通向导/) !== null).toBe(may);
  expect(document.querySelector('main a[href="/onboarding"]') !== null).toBe(may);
  page.unmount();
  answering(lists, who);
  show('/orders/refunds');
  await screen.findByText('还没有退款');
  expect(screen.queryByText(/在订单详情里可以退款/) !== null).toBe(may);
  expect(screen.queryByText(/没有退成的可以重试/) !== null).toBe(may);
});

it('reads the list again when somebody else tried the refund first', async () => {
  const rejected = { ...LISTED, state: 'rejected', rejection: null };
  let now: object = rejected;
  answering({
    'GET /api/merchant/v1/refunds': () => ({ body: { items: [now], next: null } }),
    'POST /api/merchant/v1/payments/p-1/refunds/r-1/retry': () => {
      now = LISTED;
      return { status: 409, body: { code: 'payment.not_refundable', title: '不能 No.' } };
    },
  });
  // Not the top of the list, which moves by itself.
  show('/orders/refunds?cursor=c-0');
  await userEvent.setup().click(await screen.findByLabelText('重新退款 ¥12.50'));
  expect(await screen.findByText('当前状态不能退款')).toBeTruthy();
  await waitFor(() => expect(screen.queryByLabelText('重新退款 ¥12.50')).toBeNull());
});

/** Giving money back: in an order's panel, and in the list of refunds. */
import { each, fenTyped } from '@shared/money';
import { screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeEach, expect, it } from 'vitest';
import { post } from '../../../../api/client';
import { chooseLanguage } from '../../../../texts';
import {
  answering,
  BUTTON,
  LISTED,
  ORDER,
  ORDER_NO,
  OWNER,
  openDialog,
  PAYMENT,
  paid,
  REFUND,
  REFUNDS,
  sent,
  show,
} from './refunding';

beforeEach(() => chooseLanguage('zh-CN'));

it.each([
  ['12.5', 1250],
  [' 12.50 ', 1250],
  ['￥１２．５', 1250],
  ['¥1,234.56', 123456],
  ['0.1', 10],
  ['4.35', 435],
  ['20 元', 2000],
  ['¥ 20', 2000],
  ['0', 0],
  ['999999999.99', 99999999999],
])('%j is %i fen', (text, fen) => expect(fenTyped(text)).toBe(fen));

it.each([
  '',
  '-1',
  '1.234',
  '12,50',
  '1e3',
  '.5',
  '5.',
  'abc',
  '1 2.3.4',
  '1 0',
  '12 34',
  '1. 5',
  '1234567890',
])('%j is no amount', (text) => expect(fenTyped(text)).toBeNull());

it.each([
  [1000, 3, 333],
  [2000, 3, 667],
  [5, 2, 3],
  [0, 4, 0],
  [9_007_199_254_740_990, 2, 4_503_599_627_370_495],
])('%i fen fall on %i as %i each', (fen, count, of) => expect(each(fen, count)).toBe(of));

it('gives a part back: typed in yuan, with a reason, and one refund for a double click', async () => {
  const seen = answering({ [`POST ${REFUNDS}`]: { body: REFUND } });
  show(`/orders/${ORDER_NO}`);
  const person = userEvent.setup();
  const dialog = await openDialog(person);
  await person.click(dialog.getByText('部分退款', BUTTON));
  await person.type(dialog.getByLabelText('退款金额（元）'), ' ￥12.5 ');
  await person.type(dialog.getByLabelText('退款原因'), '  少了一杯 ');
  await person.dblClick(dialog.getByText('确认退款 ¥12.50', BUTTON));
  expect(await dialog.findByText('已退款 ¥12.50')).toBeTruthy();
  const bodies = sent(seen);
  expect(bodies).toHaveLength(1);
  expect(bodies[0]).toEqual({
    refund_request_id: expect.stringMatching(/^[A-Za-z0-9_-]{8,64}$/),
    amount_fen: 1250,
    reason: '少了一杯',
  });
});

it('gives all that is left back, and each opening is another refund', async () => {
  const seen = answering({
    [`GET ${PAYMENT}`]: { body: paid([], 750) },
    [`POST ${REFUNDS}`]: { body: { ...REFUND, amount_fen: 750 } },
  });
  show(`/orders/${ORDER_NO}`);
  const person = userEvent.setup();
  for (const _ of [1, 2]) {
    const dialog = await openDialog(person);
    await person.click(dialog.getByText('商品退货', BUTTON));
    await person.click(dialog.getByText('确认退款 ¥7.50', BUTTON));
    expect(await dialog.findByText('已退款 ¥7.50')).toBeTruthy();
    await person.click(dialog.getByText('关闭', BUTTON));
    await waitFor(() => expect(screen.queryByText('已退款 ¥7.50')).toBeNull());
  }
  const bodies = sent(seen);
  expect(bodies.map((body) => body.amount_fen)).toEqual([750, 750]);
  expect(bodies[0]?.refund_request_id).not.toBe(bodies[1]?.refund_request_id);
});

it('says under the field what is wrong with an amount, and asks for nothing', async () => {
  const seen = answering({});
  show(`/orders/${ORDER_NO}`);
  const person = userEvent.setup();
  const dialog = await openDialog(person);
  await person.click(dialog.getByText('部分退款', BUTTON));
  const amount = dialog.getByLabelText('退款金额（元）');
  for (const [text, told] of [
    ['12,50', '请填写金额，最多两位小数，例如 12.50'],
    ['0.00', '至少 0.01 元'],
    ['20.01', '超过可退金额 ¥20.00'],
  ] as const) {
    await person.clear(amount);
    await person.type(amount, text);
    await person.tab();
    expect(await dialog.findByText(told)).toBeTruthy();
  }
  await person.click(dialog.getByText('商品退货', BUTTON));
  // No button promises to give back what cannot be given back.
  expect(dialog.queryByText(/¥20.01/, BUTTON)).toBeNull();
  const confirm = dialog.getByText('确认退款', BUTTON).closest('button');
  expect(confirm?.disabled).toBe(true);
  await person.click(confirm as HTMLElement);
  expect(sent(seen)).toEqual([]);
});

it('says what happens next while the outcome is unknown, and shows it when it is known', async () => {
  const unknown = {
    ...REFUND,
    status: 'pending',
    state: 'unknown',
    next_check_at: '2026-11-28T05:00:12Z',
    finished_at: null,
  };
  let refunds: object[] = [];
  answering({
    [`GET ${PAYMENT}`]: () => ({ body: paid(refunds) }),
    [`POST ${REFUNDS}`]: () => {
      refunds = [unknown];
      return { body: unknown };
    },
  });
  show(`/orders/${ORDER_NO}`);
  const person = userEvent.setup();
  const dialog = await openDialog(person);
  await person.click(dialog.getByText('商品退货', BUTTON));
  await person.click(dialog.getByText('确认退款 ¥20.00', BUTTON));
  expect(await dialog.findByText('退款 ¥12.50：结果待确认')).toBeTruthy();
  expect(dialog.getByText(/请不要再发起一笔退款/)).toBeTruthy();
  expect(dialog.getByText('下次查询：13:00:12')).toBeTruthy();
  refunds = [REFUND];
  expect(await dialog.findByText('已退款 ¥12.50')).toBeTruthy();
});

it('asks for the password once for all who wait for it, and says nothing when it is given up', async () => {
  const stepUp = {
    status: 403,
    body: { code: 'auth.step_up_needed', title: '请再次输入密码 Again.' },
  };
  const seen = answering({
    [`POST ${REFUNDS}`]: [stepUp, stepUp, stepUp, { body: REFUND }],
    'POST /api/merchant/v1/session/step-up': { body: OWNER },
  });
  show(`/orders/${ORDER_NO}`);
  const person = userEvent.setup();
  const dialog = await openDialog(person);
  await person.click(dialog.getByText('商品退货', BUTTON));
  await person.click(dialog.getByText('确认退款 ¥20.00', BUTTON));
  const asked = async () => {
    const title = await screen.findByText('请再次输入密码', { selector: '.ant-modal-title' });
    return within(title.closest('.ant-modal') as HTMLElement);
  };
  await person.click((await asked()).getByText('取消', BUTTON));
  await waitFor(() => expect(sent(seen)).toHaveLength(1));
  expect(document.querySelector('.ant-notification-notice')).toBeNull();

  const body = { refund_request_id: 'r-1', amount_fen: 1, reason: null };
  const path = '/api/merchant/v1/payments/{payment_id}/refunds' as const;
  const both = [1, 2].map(() => post(path, body, { path: { payment_id: 'p-1' } }));
  const question = await asked();
  await person.type(question.getByLabelText('密码'), 'a long password');
  await person.click(question.getByText('确认', BUTTON));
  for (const refund of await Promise.all(both)) expect(refund.refund_id).toBe('f-1');
});

it.each([
  [['orders.read', 'payments.read'], 2000],
  [['orders.read', 'payments.read', 'payments.refund'], 0],
])('has no act for %j with %i left', async (permissions, left) => {
  answering({ [`GET ${PAYMENT}`]: { body: paid([REFUND], left) } }, { ...OWNER, permissions });
  show(`/orders/${ORDER_NO}`);
  expect(await screen.findByText(/商品退货 · 李雷/)).toBeTruthy();
  expect(screen.queryByText('退款', BUTTON)).toBeNull();
});

it('shows what the merchant keeps of an order', async () => {
  answering({
    [`GET /api/merchant/v1/orders/${ORDER_NO}`]: {
      body: { ...ORDER, pay_state: 'partially_refunded', refunded_fen: 1250, net_fen: 750 },
    },
    [`GET ${PAYMENT}`]: { body: { ...paid([REFUND], 750), refunded_fen: 1250 } },
  });
  show(`/orders/${ORDER_NO}`);
  expect(await screen.findByText('应付金额 ¥20.00 · 已退款 ¥12.50')).toBeTruthy();
  expect(await screen.findByText(/商品退货 · 李雷/)).toBeTruthy();
});

it('lists refunds with who and why, and tries the same one again', async () => {
  const rejected = {
    ...LISTED,
    status: 'rejected',
    state: 'rejected',
    rejection: { code: 'ACQ.NOBODY_HAS_A_WORD_FOR_THIS', message: '…' },
  };
  const seen = answering({
    'GET /api/merchant/v1/refunds': { body: { items: [rejected], next: null } },
    [`POST ${REFUNDS}/r-1/retry`]: { body: REFUND },
  });
  show('/orders/refunds?state=rejected');
  const person = userEvent.setup();
  await screen.findByText('支付宝没有受理这笔退款');
  const table = within(document.querySelector('table') as HTMLElement);
  for (const text of ['¥12.50', '¥20.00', '未退成', '李雷', '商品退货', '支付宝没有受理这笔退款']) {
    expect(table.getByText(text)).toBeTruthy();
  }
  expect(document.body.textContent).not.toContain('NOBODY_HAS');
  await person.click(table.getByLabelText('重新退款 ¥12.50'));
  await waitFor(() => expect(sent(seen)).toHaveLength(1));
  const listed = seen.find((one) => one.path.startsWith('/api/merchant/v1/refunds'));
  expect(Object.fromEntries(new URL(`http://x${listed?.path}`).searchParams)).toEqual({
    state: 'rejected',
    limit: '20',
  });
});

it('speaks English where English is asked for', async () => {
  chooseLanguage('en');
  answering({
    'GET /api/merchant/v1/refunds': {
      body: {
        items: [
          { ...LISTED, reason: 'Paid twice', requested_by_name: null, store_name: 'One' },
          {
            ...LISTED,
            refund_id: 'f-2',
            reason: null,
            store_name: 'One',
            requested_by_name: 'Li Lei',
            state: 'rejected',
            rejection: { code: 'ACQ.TRADE_HAS_FINISHED', message: '交易已完结，不能退款' },
          },
        ],
        next: null,
      },
    },
  });
  show('/orders/refunds');
  await screen.findByText('The trade is finished: the time for refunds is over');
  const main = document.querySelector('main') as HTMLElement;
  expect(within(main).getAllByText('—')).toHaveLength(2);
  expect(main.textContent).not.toMatch(/[\u4e00-\u9fff]/);
});

it.each(['payment.not_refundable', 'payment.refund_exceeds_paid'])(
  'reads the payment again after %s, and says that nothing is left',
  async (code) => {
    let now = paid();
    const seen = answering({
      [`GET ${PAYMENT}`]: () => ({ body: now }),
      [`POST ${REFUNDS}`]: () => {
        now = paid([{ ...REFUND, amount_fen: 2000 }], 0);
        return { status: 409, body: { code, title: '不能 No.' } };
      },
    });
    show(`/orders/${ORDER_NO}`);
    const person = userEvent.setup();
    const dialog = await openDialog(person);
    await person.click(dialog.getByText('商品退货', BUTTON));
    await person.click(dialog.getByText('确认退款 ¥20.00', BUTTON));
    expect(await dialog.findByText(/已经没有可退的金额/)).toBeTruthy();
    expect(dialog.queryByText(/确认退款/, BUTTON)).toBeNull();
    expect(dialog.queryByText(/¥20.00/)).toBeNull();
    expect(document.querySelector('.ant-notification-notice')).toBeNull();
    await person.click(dialog.getByText('关闭', BUTTON));
    expect(sent(seen)).toHaveLength(1);
  },
);

it('offers what is left now after somebody else gave a part back', async () => {
  let now = paid();
  const seen = answering({
    [`GET ${PAYMENT}`]: () => ({ body: now }),
    [`POST ${REFUNDS}`]: [
      () => {
        now = paid([REFUND], 750);
        return {
          status: 409,
          body: { code: 'payment.refund_exceeds_paid', title: '超过 Too much.' },
        };
      },
      { body: { ...REFUND, refund_id: 'f-2', refund_request_id: 'r-2', amount_fen: 750 } },
    ],
  });
  show(`/orders/${ORDER_NO}`);
  const person = userEvent.setup();
  const dialog = await openDialog(person);
  await person.click(dialog.getByText('商品退货', BUTTON));
  await person.click(dialog.getByText('确认退款 ¥20.00', BUTTON));
  expect(await dialog.findByText(/现在最多可退 ¥7.50/)).toBeTruthy();
  expect(sent(seen)).toHaveLength(1);
  await person.click(dialog.getByText('确认退款 ¥7.50', BUTTON));
  expect(await dialog.findByText('已退款 ¥7.50')).toBeTruthy();
  expect(sent(seen).map((one) => one.amount_fen)).toEqual([2000, 750]);
});

it('does not say that less is left when a refusal has another cause', async () => {
  answering({
    [`POST ${REFUNDS}`]: { status: 409, body: { code: 'payment.not_refundable', title: '不 No.' } },
  });
  show(`/orders/${ORDER_NO}`);
  const person = userEvent.setup();
  const dialog = await openDialog(person);
  await person.click(dialog.getByText('商品退货', BUTTON));
  await person.click(dialog.getByText('确认退款 ¥20.00', BUTTON));
  expect(await screen.findByText('当前状态不能退款')).toBeTruthy();
  expect(dialog.getByText('确认退款 ¥20.00', BUTTON)).toBeTruthy();
});

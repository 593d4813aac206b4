/** Refunds whose answer was lost: never a second one, never a refusal. */
import { screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeEach, expect, it } from 'vitest';
import { chooseLanguage } from '../../../../texts';
import {
  answering,
  BUTTON,
  LISTED,
  ORDER_NO,
  openDialog,
  PAYMENT,
  paid,
  REFUND,
  REFUNDS,
  sent,
  show,
} from './refunding';

beforeEach(() => chooseLanguage('zh-CN'));

const LOST = { status: 502, body: { code: 'bad_gateway', title: '没有应答 No answer.' } };
const BRAKED = { status: 429, body: { code: 'rate.limited', title: '太快 Too fast.' } };
const DECLINED = { status: 403, body: { code: 'auth.step_up_needed', title: '请确认 Confirm.' } };

it('after a lost answer confirms the same refund, which can no longer be changed', async () => {
  const seen = answering({
    [`POST ${REFUNDS}`]: [
      { status: 502, body: { code: 'bad_gateway', title: '没有应答 No answer.' } },
      { body: { ...REFUND, amount_fen: 2000 } },
    ],
  });
  show(`/orders/${ORDER_NO}`);
  const person = userEvent.setup();
  const dialog = await openDialog(person);
  await person.click(dialog.getByText('商品退货', BUTTON));
  await person.click(dialog.getByText('确认退款 ¥20.00', BUTTON));
  expect(await dialog.findByText(/不知道退款有没有提交/)).toBeTruthy();
  expect((dialog.getByLabelText('退款原因') as HTMLInputElement).disabled).toBe(true);
  await person.click(dialog.getByText('确认退款 ¥20.00', BUTTON));
  expect(await dialog.findByText('已退款 ¥20.00')).toBeTruthy();
  const [first, second] = sent(seen);
  expect(second).toEqual(first);
});

it.each([
  ['a brake', BRAKED],
  ['a password that is not given', DECLINED],
])('does not forget a lost answer over %s', async (_, reply) => {
  const seen = answering({ [`POST ${REFUNDS}`]: [LOST, reply, { body: REFUND }] });
  show(`/orders/${ORDER_NO}`);
  const person = userEvent.setup();
  const dialog = await openDialog(person);
  await person.click(dialog.getByText('商品退货', BUTTON));
  await person.click(dialog.getByText('确认退款 ¥20.00', BUTTON));
  await dialog.findByText(/不知道退款有没有提交/);
  await person.click(dialog.getByText('确认退款 ¥20.00', BUTTON));
  await waitFor(() => expect(sent(seen)).toHaveLength(2));
  if (reply === DECLINED) {
    const title = await screen.findByText('请再次输入密码', { selector: '.ant-modal-title' });
    const question = within(title.closest('.ant-modal') as HTMLElement);
    await person.click(question.getByText('取消', BUTTON));
  } else await screen.findByText('操作太快了，请稍候再试');
  await waitFor(() =>
    expect(dialog.getByText('确认退款 ¥20.00', BUTTON).closest('.ant-btn-loading')).toBeNull(),
  );
  expect(dialog.getByText(/不知道退款有没有提交/)).toBeTruthy();
  expect((dialog.getByLabelText('退款原因') as HTMLInputElement).disabled).toBe(true);
  await person.click(dialog.getByText('确认退款 ¥20.00', BUTTON));
  expect(await dialog.findByText('已退款 ¥12.50')).toBeTruthy();
  const [first, ...more] = sent(seen);
  for (const body of more) expect(body).toEqual(first);
});

it('sends the refund whose answer was lost from the next dialog, too, and then another one', async () => {
  const seen = answering({ [`POST ${REFUNDS}`]: [LOST, { body: REFUND }] });
  const page = show(`/orders/${ORDER_NO}`);
  const person = userEvent.setup();
  const first = await openDialog(person);
  await person.click(first.getByText('部分退款', BUTTON));
  await person.type(first.getByLabelText('退款金额（元）'), '12.5');
  await person.type(first.getByLabelText('退款原因'), '少了一杯');
  await person.click(first.getByText('确认退款 ¥12.50', BUTTON));
  await first.findByText(/不知道退款有没有提交/);
  page.unmount();

  show(`/orders/${ORDER_NO}`);
  const next = await openDialog(person);
  expect(next.getByText(/不知道退款有没有提交/)).toBeTruthy();
  expect((next.getByLabelText('退款原因') as HTMLInputElement).value).toBe('少了一杯');
  await person.click(next.getByText('确认退款 ¥12.50', BUTTON));
  expect(await next.findByText('已退款 ¥12.50')).toBeTruthy();
  const [asked, again] = sent(seen);
  expect(again).toEqual(asked);
  await person.click(next.getByText('关闭', BUTTON));
  await waitFor(() => expect(screen.queryByText('已退款 ¥12.50')).toBeNull());
  const third = await openDialog(person);
  expect(third.queryByText(/不知道退款有没有提交/)).toBeNull();
});

it('shows that the refund arrived whose answer was lost', async () => {
  let refunds: object[] = [];
  answering({
    [`GET ${PAYMENT}`]: () => ({ body: paid(refunds) }),
    [`POST ${REFUNDS}`]: ({ body }) => {
      refunds = [{ ...REFUND, ...(body as object) }];
      return LOST;
    },
  });
  show(`/orders/${ORDER_NO}`);
  const person = userEvent.setup();
  const dialog = await openDialog(person);
  await person.click(dialog.getByText('商品退货', BUTTON));
  await person.click(dialog.getByText('确认退款 ¥20.00', BUTTON));
  expect(await dialog.findByText('已退款 ¥20.00')).toBeTruthy();
  expect(sessionStorage.length).toBe(0);
});

it('keeps the dialog when what lies behind it cannot be looked at', async () => {
  let isThere = true;
  answering({
    [`GET ${PAYMENT}`]: () => (isThere ? { body: paid() } : BRAKED),
    [`POST ${REFUNDS}`]: () => {
      isThere = false;
      return LOST;
    },
  });
  show(`/orders/${ORDER_NO}`);
  const person = userEvent.setup();
  const dialog = await openDialog(person);
  await person.click(dialog.getByText('商品退货', BUTTON));
  await person.click(dialog.getByText('确认退款 ¥20.00', BUTTON));
  await dialog.findByText(/不知道退款有没有提交/);
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(screen.getByText(`退款 · ${ORDER_NO}`)).toBeTruthy();
});

it('does not call a retry refused whose answer was lost, and looks again', async () => {
  const rejected = { ...LISTED, state: 'rejected', rejection: { code: 'X', message: '…' } };
  const asked = { ...LISTED, state: 'pending' };
  let rows: object[] = [rejected];
  answering({
    'GET /api/merchant/v1/refunds': () => ({ body: { items: rows, next: null } }),
    [`POST ${REFUNDS}/r-1/retry`]: () => {
      rows = [asked];
      return LOST;
    },
  });
  show('/orders/refunds?state=rejected');
  const person = userEvent.setup();
  await screen.findByText('支付宝没有受理这笔退款');
  await person.click(screen.getByLabelText('重新退款 ¥12.50'));
  expect(await screen.findByText(/不知道退款有没有提交/)).toBeTruthy();
  await waitFor(() => expect(screen.queryByText('支付宝没有受理这笔退款')).toBeNull());
});

/** What goes on beside the pages ends with its person; the payment is the platform's to finish. */
import { act, render, screen } from '@testing-library/react';
import { beforeEach, expect, it } from 'vitest';
import { csrf } from '../../api/client';
import { makeQueries, Providers } from '../../app';
import { runnerOf } from '../../pages/cashier/runner';
import { identityChanged, onIdentityChange } from '../../session/identity';
import { answers } from '../answers';
import {
  AFTERWARDS,
  MINE,
  means,
  ORDER,
  open,
  PAID,
  PAYMENTS,
  pending,
  refusal,
  standing,
} from '../pages/cashier/terminal';

const turns = async () => {
  for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setTimeout(resolve, 0));
};

/** The first to sleep is who looks at what has become of a request that is on its way: not here. */
function unwatched() {
  const own = means();
  let isFirst = true;
  const sleep = (ms: number) => {
    if (!isFirst) return own.sleep(ms);
    isFirst = false;
    return new Promise<void>(() => undefined);
  };
  return { ...own, sleep };
}

beforeEach(() => localStorage.setItem('damselfly.language', 'zh-CN'));

it.each([
  ['waits for the buyer', { body: pending('buyer') }],
  ['is not answered', { status: 503, body: { code: 'unavailable', title: 'x' } }],
  ['is refused meanwhile', refusal(403, 'auth.forbidden')],
])('asks for nothing more of a payment that %s', async (_, reply) => {
  const { store, runner } = await standing(unwatched());
  const seen = answers({
    ...AFTERWARDS,
    [`POST ${PAYMENTS}`]: { body: pending('buyer') },
    [`GET ${MINE}`]: () => {
      runner.leave();
      return reply;
    },
  });
  await runner.take(ORDER);
  await runner.rest;
  await turns();
  expect(seen.map((one) => `${one.method} ${one.path}`)).toEqual([
    `POST ${PAYMENTS}`,
    `GET ${MINE}`,
  ]);
  expect(runner.snapshot(), 'the next person is not shown it').toBeNull();
  expect(await open(store), 'whoever comes next brings it to its end').toMatchObject({
    payRequestId: ORDER.pay_request_id,
  });
});

it('looks for no order, reward or notice in the name of whoever comes next', async () => {
  const { runner } = await standing(unwatched());
  const late = { body: { items: [], total: 0 } };
  const seen = answers({
    ...AFTERWARDS,
    [`POST ${PAYMENTS}`]: { body: PAID },
    'GET /api/device/v1/rewards/p-1': { body: { status: 'pending' } },
    'GET /api/merchant/v1/payments/p-1': { body: { ...PAID, notices: [] } },
    'GET /api/merchant/v1/orders': () => {
      runner.leave();
      return late;
    },
  });
  await runner.take(ORDER);
  await runner.rest;
  await turns();
  const asked = seen.map((one) => one.path.replace(/\?.*/, ''));
  expect(new Set(asked).size, String(asked)).toBe(asked.length);
});

it('stops the runner that pages share, and begins with a new one', async () => {
  const { store, one } = await standing(means());
  const first = runnerOf(one, store);
  expect(runnerOf(one, store)).toBe(first);
  identityChanged();
  expect(runnerOf(one, store)).not.toBe(first);
  identityChanged();
});

const EMPTY = { items: [], total: 0, page: 1, page_size: 20 };
const session = (user_id: string, merchant_id: string, permissions: string[]) => ({
  body: {
    user: { user_id, login: 'owner@demo', name: '李雷', role: 'merchant_owner' },
    merchant: { merchant_id, name: '豆娘演示商户', created_at: '2026-11-26T00:00:00Z' },
    permissions,
    expires_at: '2026-11-27T00:00:00Z',
  },
});
const RIGHTS = ['devices.read', 'devices.write', 'stores.read'];
const OWNER = session('u', 'm', RIGHTS);

it.each([
  ['nobody', null, 1],
  ['another person', session('v', 'm', RIGHTS), 1],
  ['another merchant', session('u', 'n', RIGHTS), 1],
  ['a right less', session('u', 'm', ['devices.read', 'stores.read']), 1],
  ['the same', session('u', 'm', [...RIGHTS].reverse()), 0],
])('is told when the session is of %s', async (_, then, told) => {
  let count = 0;
  onIdentityChange(() => {
    count += 1;
  });
  csrf.keep('t');
  window.history.replaceState(null, '', '/stores');
  answers({
    'GET /api/merchant/v1/session': [OWNER, then ?? OWNER],
    'GET /api/operator/v1/session': { status: 401, body: { code: 'auth.session', title: 'x' } },
    'GET /api/merchant/v1/stores': { body: EMPTY },
  });
  const queries = makeQueries();
  const shown = render(<Providers queries={queries} />);
  await screen.findByText('李雷');
  expect(count).toBe(0);
  await act(async () => {
    if (then) await queries.invalidateQueries({ queryKey: ['who'] });
    else queries.setQueryData(['who'], null);
  });
  await turns();
  expect(count).toBe(told);
  shown.unmount();
});

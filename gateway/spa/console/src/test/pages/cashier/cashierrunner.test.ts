/** The journal: one charge whatever happens to the tab, the network or the platform. */
import { expect, it, vi } from 'vitest';
import { Runner } from '../../../pages/cashier/runner';
import { hopsOf } from '../../../pages/cashier/story';
import { answers } from '../../answers';
import {
  AFTERWARDS,
  away,
  FAILED,
  MINE,
  means,
  NOW_MS,
  ORDER,
  open,
  PAID,
  PAYMENTS,
  pending,
  posts,
  refusal,
  standing,
  stateOf,
} from './terminal';

it('writes the number down before the first byte is sent, and forgets it at the end', async () => {
  const { store, runner } = await standing();
  let before: unknown;
  answers({
    [`POST ${PAYMENTS}`]: () => {
      before = store.kept.get('m-1')?.unfinished;
      return { body: PAID };
    },
    ...AFTERWARDS,
  });
  expect(await runner.take(ORDER)).toBe('taken');
  await runner.rest;
  expect(before).toMatchObject({ payRequestId: ORDER.pay_request_id, amountFen: 1207 });
  expect(JSON.stringify(before)).not.toContain(ORDER.auth_code);
  expect(await open(store)).toBeUndefined();
  const story = runner.snapshot();
  expect(story).toMatchObject({ isOver: true, orderNo: 'D1', reward: { status: 'granted' } });
  expect(story?.detail?.notices.map((one) => one.state)).toEqual(['DUPLICATE']);
  expect(new Set(Object.values(stateOf(story)))).toEqual(new Set(['done']));
});

it('takes a second sale while the rest of the first is still on its way', async () => {
  const second = { ...ORDER, pay_request_id: 'second-0000000001', amount_fen: 5 };
  const paidToo = { ...PAID, pay_request_id: second.pay_request_id, payment_id: 'p-2' };
  const own = means();
  const { runner } = await standing(own);
  let isFound: (found: object) => void = () => undefined;
  const slow = new Promise<object>((resolve) => {
    isFound = resolve;
  });
  const seen = answers({
    ...AFTERWARDS,
    [`POST ${PAYMENTS}`]: [{ body: PAID }, { body: paidToo }],
    'GET /api/merchant/v1/orders': async ({ path }) =>
      path.includes('p-2')
        ? { body: { items: [{ order_no: 'D2' }], total: 1 } }
        : { body: await slow },
  });
  expect(await runner.take(ORDER)).toBe('taken');
  const { rest } = runner;
  expect(await runner.take(second)).toBe('taken');
  await runner.rest;
  expect(posts(seen).map((one) => one.body)).toEqual([ORDER, second]);
  isFound({ items: [{ order_no: 'D1' }], total: 1 });
  await rest;
  expect(runner.snapshot()).toMatchObject({ amountFen: 5, orderNo: 'D2' });
});

it('says taken of no sale that it did not begin', async () => {
  const { store, one, runner } = await standing();
  const seen = answers({ [`POST ${PAYMENTS}`]: { body: PAID }, ...AFTERWARDS });
  const twice = [runner.take(ORDER), runner.take({ ...ORDER, pay_request_id: 'other-00000001' })];
  expect(await Promise.all(twice)).toEqual(['taken', 'earlier']);
  expect(posts(seen)).toHaveLength(1);

  const looking = runner.resume();
  expect(await runner.take({ ...ORDER, pay_request_id: 'third-000000001' })).toBe('taken');
  await looking;
  expect(posts(seen), 'looking for an earlier one is no sale').toHaveLength(2);

  await store.mark(one, { payRequestId: 'earlier-0001', amountFen: 5, startedAt: NOW_MS });
  answers({ [`GET ${PAYMENTS}/earlier-0001`]: { body: PAID }, ...AFTERWARDS });
  const found = runner.resume();
  expect(await runner.take(ORDER)).toBe('earlier');
  expect(await found).toBe('earlier');
});

it('clears what is over, and nothing that is open', async () => {
  const { runner } = await standing();
  answers({
    [`POST ${PAYMENTS}`]: { body: pending('outcome') },
    [`GET ${MINE}`]: { body: pending('outcome') },
  });
  await runner.take(ORDER);
  runner.clear();
  expect(runner.snapshot()).not.toBeNull();
  answers({ [`GET ${MINE}`]: { body: PAID }, ...AFTERWARDS });
  await runner.resume();
  runner.clear();
  await runner.rest;
  expect(runner.snapshot()).toBeNull();
});

it('asks again under the same number when no answer came', async () => {
  const { runner } = await standing();
  const lost = () => {
    throw new TypeError('network');
  };
  const seen = answers({ [`POST ${PAYMENTS}`]: [lost, away, { body: PAID }], ...AFTERWARDS });
  await runner.take(ORDER);
  await runner.rest;
  const sent = posts(seen);
  expect(sent.map((one) => one.body)).toEqual([ORDER, ORDER, ORDER]);
  expect(runner.snapshot()?.payment?.status).toBe('paid');
});

it('asks for a pending payment as often as the platform says, and never charges again', async () => {
  const own = means();
  const { runner } = await standing(own);
  const seen = answers({
    [`POST ${PAYMENTS}`]: { body: { ...pending('buyer'), retry_after_ms: 1700 } },
    // Not paid before: whoever looks while the request is on its way would end it at once.
    [`GET ${MINE}`]: () => ({ body: own.slept.includes(1700) ? PAID : pending('buyer') }),
    ...AFTERWARDS,
  });
  await runner.take(ORDER);
  await runner.rest;
  expect(posts(seen)).toHaveLength(1);
  expect(own.slept).toContain(1700);
  expect(runner.snapshot()?.payment?.status).toBe('paid');
});

it('gives up after two minutes, keeps the number, and finds the end later', async () => {
  const { store, runner } = await standing();
  answers({
    [`POST ${PAYMENTS}`]: { body: pending('outcome') },
    [`GET ${MINE}`]: { body: pending('outcome') },
  });
  await runner.take(ORDER);
  await runner.rest;
  expect(runner.snapshot()).toMatchObject({ isGivenUp: true, isOver: false });
  expect(await open(store)).toMatchObject({ payRequestId: ORDER.pay_request_id });
  const seen = answers({ [`GET ${MINE}`]: { body: PAID }, ...AFTERWARDS });
  await runner.resume();
  await runner.rest;
  expect(posts(seen)).toHaveLength(0);
  expect(runner.snapshot()).toMatchObject({ isGivenUp: false, isOver: true });
  expect(await open(store)).toBeUndefined();
});

it('finds the payment of a closed tab before it takes another', async () => {
  const { store, one, runner } = await standing();
  await store.mark(one, { payRequestId: 'earlier-0001', amountFen: 5, startedAt: NOW_MS - 9000 });
  const seen = answers({
    [`GET ${PAYMENTS}/earlier-0001`]: { body: { ...PAID, pay_request_id: 'earlier-0001' } },
    ...AFTERWARDS,
  });
  expect(await runner.take(ORDER)).toBe('earlier');
  await runner.rest;
  expect(posts(seen)).toHaveLength(0);
  expect(runner.snapshot()).toMatchObject({ isResumed: true, amountFen: 5, isOver: true });
  expect(await open(store)).toBeUndefined();
});

it('knows that a request which never arrived charged nothing, but looks twice', async () => {
  const { store, one, runner } = await standing();
  await store.mark(one, { payRequestId: 'earlier-0001', amountFen: 5, startedAt: NOW_MS });
  const none = refusal(404, 'not_found');
  const seen = answers({ [`GET ${PAYMENTS}/earlier-0001`]: none });
  await runner.resume();
  await runner.rest;
  expect(seen).toHaveLength(2);
  expect(runner.snapshot()).toMatchObject({ isOver: true, payment: null });
  expect(await open(store)).toBeUndefined();
  await store.mark(one, { payRequestId: 'earlier-0001', amountFen: 5, startedAt: NOW_MS });
  answers({
    [`GET ${PAYMENTS}/earlier-0001`]: [none, { body: pending('channel') }],
  });
  await runner.resume();
  await runner.rest;
  expect(await open(store), 'it came after all').toBeDefined();
  answers({ [`GET ${PAYMENTS}/earlier-0001`]: [none, away] });
  await runner.resume();
  await runner.rest;
  expect(await open(store), 'nobody said that there is none').toBeDefined();
});

it('a first refusal ends it; a refused key leaves it open', async () => {
  const own = means();
  const { store, runner } = await standing(own);
  answers({ [`POST ${PAYMENTS}`]: refusal(409, 'payment.app_not_bound') });
  await runner.take(ORDER);
  await runner.rest;
  expect(runner.snapshot()).toMatchObject({ isOver: true, payment: null });
  expect(stateOf(runner.snapshot())).toMatchObject({ edge: 'done', recorded: 'failed' });
  expect(own.slept, 'there is nothing to look for').not.toContain(2000);
  expect(await open(store)).toBeUndefined();
  answers({ [`POST ${PAYMENTS}`]: refusal(401, 'auth.device_signature', { server_time: 1 }) });
  await runner.take(ORDER);
  await runner.rest;
  expect(stateOf(runner.snapshot())).toMatchObject({ edge: 'failed', recorded: 'waiting' });
  expect(await open(store)).toBeDefined();
});

it('a refusal that follows a lost answer says nothing: the platform is asked', async () => {
  const { store, runner } = await standing();
  answers({
    [`POST ${PAYMENTS}`]: [away, refusal(422, 'payment.request_mismatch')],
    [`GET ${MINE}`]: { body: pending('channel') },
  });
  await runner.take(ORDER);
  await runner.rest;
  expect(await open(store)).toBeDefined();
});

it('one payment at a time, also with two tabs; a forgotten key takes none', async () => {
  const busy = await standing(means(true));
  expect(await busy.runner.take(ORDER)).toBe('elsewhere');
  const gone = await standing();
  await gone.store.forget('m-1');
  const seen = answers({});
  expect(await gone.runner.take(ORDER)).toBe('forgotten');
  expect(seen).toHaveLength(0);
  expect(gone.store.kept.size).toBe(0);
});

it('a payment that ends after its key was forgotten brings no key back', async () => {
  const { store, runner } = await standing();
  answers({
    [`POST ${PAYMENTS}`]: () => {
      store.kept.clear();
      return { body: PAID };
    },
    ...AFTERWARDS,
  });
  await runner.take(ORDER);
  await runner.rest;
  expect(store.kept.size).toBe(0);
});

it('shows that it is written down while the answer is on its way', async () => {
  const { runner } = await standing();
  const shown: string[] = [];
  runner.subscribe(() => {
    const { recorded, called, answered } = stateOf(runner.snapshot());
    shown.push(`${recorded} ${called} ${answered}`);
  });
  let isLooked = false;
  const seen = answers({
    [`POST ${PAYMENTS}`]: async () => {
      while (!isLooked) await new Promise((resolve) => setTimeout(resolve, 1));
      await new Promise((resolve) => setTimeout(resolve, 5));
      return { body: FAILED };
    },
    [`GET ${MINE}`]: () => {
      isLooked = true;
      return { body: pending('channel') };
    },
    'GET /api/merchant/v1/orders': AFTERWARDS['GET /api/merchant/v1/orders'],
  });
  await runner.take(ORDER);
  await runner.rest;
  expect(shown).toContain('done running waiting');
  expect(stateOf(runner.snapshot())).toMatchObject({
    called: 'done',
    answered: 'failed',
    order: 'done',
    rewards: 'skipped',
  });
  expect(seen.some((one) => one.path.includes('/rewards/'))).toBe(false);
});

it('stops a payment as a clerk does', async () => {
  const { runner } = await standing();
  const closed = { ...PAID, status: 'closed' as const, paid_at: null };
  let isStopped = false;
  const seen = answers({
    [`POST ${PAYMENTS}`]: { body: pending('buyer') },
    [`GET ${MINE}`]: () => {
      if (!isStopped) void runner.cancel();
      return { body: isStopped ? closed : pending('buyer') };
    },
    [`POST ${MINE}/cancel`]: () => {
      isStopped = true;
      return { body: pending('cancel') };
    },
    'GET /api/merchant/v1/orders': AFTERWARDS['GET /api/merchant/v1/orders'],
  });
  await runner.take(ORDER);
  await runner.rest;
  const stop = seen.find((one) => one.path.endsWith('/cancel'));
  expect(stop?.headers.get('x-df-signature')).toMatch(/^[0-9a-f]{64}$/);
  expect(stateOf(runner.snapshot())).toMatchObject({ answered: 'skipped', rewards: 'skipped' });
});

it('lets no second tab in while one is in the middle of a payment', async () => {
  const { store, one } = await standing();
  const names: string[] = [];
  const request = async (name: string, options: LockOptions, act: (lock: null) => unknown) => {
    names.push(name, String(options.ifAvailable));
    return act(null);
  };
  vi.stubGlobal('navigator', { locks: { request } });
  const seen = answers({});
  expect(await new Runner(one, store).take(ORDER)).toBe('elsewhere');
  expect(names).toEqual([`damselfly.cashier.${one.deviceId}`, 'true']);
  expect(seen).toHaveLength(0);
});

it('is paid all the same when its reward does not come', async () => {
  const { store, runner } = await standing();
  answers({
    [`POST ${PAYMENTS}`]: { body: PAID },
    ...AFTERWARDS,
    'GET /api/device/v1/rewards/p-1': { body: { status: 'pending' } },
  });
  await runner.take(ORDER);
  await runner.rest;
  const story = runner.snapshot();
  expect(stateOf(story)).toMatchObject({ answered: 'done', order: 'done', rewards: 'waiting' });
  expect(story && hopsOf(story).at(-1)?.note).toBe('cashier.rewards_late');
  expect(await open(store)).toBeUndefined();
});

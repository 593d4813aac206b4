/** The browser as a terminal: its signature, its clock, its journal, and the way it shows. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { codeFault, madeUpCode, madeUpFace, tidyCode } from '../pages/cashier/codes';
import { type Keystore, marked, type Terminal } from '../pages/cashier/keystore';
import { type Means, Runner } from '../pages/cashier/runner';
import type { Payment } from '../pages/cashier/shapes';
import { lockedKey, newNonce, signedHeaders } from '../pages/cashier/signing';
import { begun, heard, hopsOf, type Story } from '../pages/cashier/story';
import { fenOf } from '../pages/cashier/TakeForm';
import { Line, newSn } from '../pages/cashier/terminal';
import { answers } from './answers';

const PAYMENTS = '/api/device/v1/payments';
const KEY = 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=';
const NOW_MS = 1_795_406_400_000;
const ORDER = {
  pay_request_id: 'c0ffee00c0ffee00',
  amount_fen: 1207,
  auth_code: `fp${'a'.repeat(33)}`,
  store_id: 's-1',
};
const MINE = `${PAYMENTS}/${ORDER.pay_request_id}`;

const pending = (waiting_for: Payment['waiting_for']): Payment => ({
  payment_id: 'p-1',
  pay_request_id: ORDER.pay_request_id,
  out_trade_no: 'T1',
  status: 'pending',
  amount_fen: ORDER.amount_fen,
  scene: 'face',
  message: '请稍候',
  created_at: '2026-11-23T04:00:00Z',
  paid_at: null,
  retry_after_ms: 1000,
  ...(waiting_for ? { waiting_for } : {}),
});
const PAID: Payment = { ...pending(undefined), status: 'paid', paid_at: '2026-11-23T04:00:01Z' };
const FAILED: Payment = {
  ...pending(undefined),
  status: 'failed',
  reason: { code: 'ACQ.BUYER_BALANCE_NOT_ENOUGH', message: '余额不足，请更换付款方式' },
};
const GRANTED = {
  payment_id: 'p-1',
  status: 'granted',
  coupon: null,
  draws: { granted: 3, used: 0, on_device: 1, device_drawn: false },
};
const DETAIL = {
  ...PAID,
  trade_no: '2026trade',
  notices: [{ received_at: '2026-11-23T04:00:02Z', state: 'DUPLICATE' }],
};
const AFTERWARDS = {
  'GET /api/merchant/v1/payments/p-1': [{ body: { ...DETAIL, notices: [] } }, { body: DETAIL }],
  'GET /api/merchant/v1/orders': { body: { items: [{ order_no: 'D1' }], total: 1 } },
  'GET /api/device/v1/rewards/p-1': { body: GRANTED },
};
const away = { status: 503, body: { code: 'unavailable', title: '繁忙 Busy.' } };
const refusal = (status: number, code: string, more: object = {}) => ({
  status,
  body: { code, title: '不行 No.', ...more },
});

class Memory implements Keystore {
  kept = new Map<string, Terminal>();
  load = async (merchantId: string) => this.kept.get(merchantId) ?? null;
  save = async (terminal: Terminal) => void this.kept.set(terminal.merchantId, terminal);
  forget = async (merchantId: string) => void this.kept.delete(merchantId);
  mark: Keystore['mark'] = async (terminal, open) => {
    const found = this.kept.get(terminal.merchantId);
    if (found?.keyId !== terminal.keyId) return false;
    this.kept.set(terminal.merchantId, marked(found, open));
    return true;
  };
}

async function terminal(): Promise<Terminal> {
  return {
    merchantId: 'm-1',
    deviceId: '01900000-0000-7000-8000-0000000000d1',
    keyId: 'k1-0123456789ab',
    key: await lockedKey(KEY),
    sn: 'TEST-00000000',
    storeId: 's-1',
    enrolledAt: '2026-11-23T04:00:00Z',
  };
}

/** A clock that moves only by sleeping, and a lock that is free unless `isTaken`. */
function means(isTaken = false): Means & { slept: number[] } {
  let now = NOW_MS;
  const slept: number[] = [];
  return {
    slept,
    now: () => now,
    sleep: async (ms) => {
      slept.push(ms);
      now += ms;
      // Others get their turn, as while one really sleeps.
      await new Promise((resolve) => setTimeout(resolve, 0));
    },
    alone: async (_, act) => (isTaken ? 'elsewhere' : act()),
  };
}

async function standing(own: Means = means()) {
  const store = new Memory();
  const one = await terminal();
  await store.save(one);
  return { store, one, runner: new Runner(one, store, own) };
}

const stateOf = (story: Story | null) =>
  Object.fromEntries(story ? hopsOf(story).map((hop) => [hop.name, hop.state]) : []);
const open = async (store: Keystore) => (await store.load('m-1'))?.unfinished;
const posts = (seen: { method: string; path: string; body: unknown }[]) =>
  seen.filter((one) => one.method === 'POST' && one.path === PAYMENTS);

it('signs the published request as docs/signing.md says', async () => {
  const page = readFileSync(join(process.cwd(), '../../../docs/signing.md'), 'utf8');
  const block = page.split('## Requests of a device')[1]?.split('```json')[1]?.split('```')[0];
  const one = JSON.parse(block ?? '');
  const { method, path, query, body } = one;
  const by = { deviceId: one.device, keyId: one.key_id, key: await lockedKey(one.key) };
  const stamp = { at: one.timestamp, nonce: one.nonce };
  const sent = await signedHeaders({ method, path, query, body }, by, stamp);
  expect(sent['X-DF-Signature']).toBe(one.signature);
  expect([sent['X-DF-Device'], sent['X-DF-Key']]).toEqual([one.device, one.key_id]);
  expect([sent['X-DF-Timestamp'], sent['X-DF-Nonce']]).toEqual([`${one.timestamp}`, one.nonce]);
});

it('keeps a key that signs and that no script can read', async () => {
  const key = await lockedKey(KEY);
  expect([key.extractable, key.usages]).toEqual([false, ['sign']]);
  await expect(crypto.subtle.exportKey('raw', key)).rejects.toThrow();
});

it('makes up what a sandbox buyer shows, anew each time', () => {
  expect(madeUpFace()).toMatch(/^fp[0-9A-Za-z]{33}$/);
  expect(codeFault(madeUpCode())).toBeNull();
  expect(newNonce()).toMatch(/^[0-9a-f]{32}$/);
  expect(newSn()).toMatch(/^TEST-[0-9A-Z]{8}$/);
  for (const make of [madeUpFace, madeUpCode, newNonce, newSn]) expect(make()).not.toBe(make());
});

it.each([
  ['', 'cashier.code_missing'],
  [' 28 4776044441477959\n', null],
  ['2847760444414779', null],
  ['301234567890123456789012', null],
  ['3012345678901234567890123', 'cashier.code_odd'],
  ['314776044441477959', 'cashier.code_odd'],
  ['13012345678901234', 'cashier.code_odd'],
  ['130123456789012345', 'cashier.code_wechat'],
  [`fp${'a'.repeat(33)}`, 'cashier.code_odd'],
])('the payment code "%s": %s', (typed, fault) => {
  expect(codeFault(typed)).toBe(fault);
});

it('sends a scanned code without its blanks', () => {
  expect(tidyCode(' 28 4776\t0444\r\n')).toBe('2847760444');
});

it.each([
  ['0.01', 1],
  ['12.5', 1250],
  ['8.07', 807],
  ['1000000', 100_000_000],
  ['1000000.01', null],
  ['0', null],
  ['0.001', null],
  ['-1', null],
  ['1e2', null],
  ['', null],
])('"%s" yuan are %s fen', (yuan, fen) => {
  expect(fenOf(yuan)).toBe(fen);
});

it('corrects its clock once, by what the server says', async () => {
  const later = NOW_MS / 1000 + 3600;
  const skewed = refusal(401, 'auth.clock_skew', { server_time: later });
  const seen = answers({ [`GET ${MINE}`]: [skewed, { body: PAID }] });
  const line = new Line(await terminal(), () => NOW_MS);
  await line.ask({ method: 'GET', path: MINE });
  const [first, second] = seen.map((one) => one.headers);
  expect(first?.get('x-df-timestamp')).toBe(String(NOW_MS / 1000));
  expect(second?.get('x-df-timestamp')).toBe(String(later));
  expect(first?.get('x-df-nonce')).not.toBe(second?.get('x-df-nonce'));
  const stubborn = answers({ [`GET ${MINE}`]: skewed });
  const other = new Line(await terminal(), () => NOW_MS);
  await expect(other.ask({ method: 'GET', path: MINE })).rejects.toMatchObject({ status: 401 });
  expect(stubborn).toHaveLength(2);
});

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
  expect(before).toMatchObject({ payRequestId: ORDER.pay_request_id, amountFen: 1207 });
  expect(JSON.stringify(before)).not.toContain(ORDER.auth_code);
  expect(await open(store)).toBeUndefined();
  const story = runner.snapshot();
  expect(story).toMatchObject({ isOver: true, orderNo: 'D1', reward: { status: 'granted' } });
  expect(story?.detail?.notices).toHaveLength(1);
  expect(new Set(Object.values(stateOf(story)))).toEqual(new Set(['done']));
});

it('asks again under the same number when no answer came', async () => {
  const { runner } = await standing();
  const lost = () => {
    throw new TypeError('network');
  };
  const seen = answers({ [`POST ${PAYMENTS}`]: [lost, away, { body: PAID }], ...AFTERWARDS });
  await runner.take(ORDER);
  const sent = posts(seen);
  expect(sent.map((one) => one.body)).toEqual([ORDER, ORDER, ORDER]);
  expect(runner.snapshot()?.payment?.status).toBe('paid');
});

it('asks for a pending payment as often as the platform says, and never charges again', async () => {
  const own = means();
  const { runner } = await standing(own);
  const seen = answers({
    [`POST ${PAYMENTS}`]: { body: pending('buyer') },
    [`GET ${MINE}`]: [{ body: { ...pending('buyer'), retry_after_ms: 1700 } }, { body: PAID }],
    ...AFTERWARDS,
  });
  await runner.take(ORDER);
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
  expect(runner.snapshot()).toMatchObject({ isGivenUp: true, isOver: false });
  expect(await open(store)).toMatchObject({ payRequestId: ORDER.pay_request_id });
  const seen = answers({ [`GET ${MINE}`]: { body: PAID }, ...AFTERWARDS });
  await runner.resume();
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
  expect(seen).toHaveLength(2);
  expect(runner.snapshot()).toMatchObject({ isOver: true, payment: null });
  expect(await open(store)).toBeUndefined();
  await store.mark(one, { payRequestId: 'earlier-0001', amountFen: 5, startedAt: NOW_MS });
  answers({
    [`GET ${PAYMENTS}/earlier-0001`]: [none, { body: pending('channel') }],
  });
  await runner.resume();
  expect(await open(store), 'it came after all').toBeDefined();
});

it('a first refusal ends it; a refused key leaves it open', async () => {
  const { store, runner } = await standing();
  answers({ [`POST ${PAYMENTS}`]: refusal(409, 'payment.app_not_bound') });
  await runner.take(ORDER);
  expect(runner.snapshot()).toMatchObject({ isOver: true, payment: null });
  expect(stateOf(runner.snapshot())).toMatchObject({ edge: 'done', recorded: 'failed' });
  expect(await open(store)).toBeUndefined();
  answers({ [`POST ${PAYMENTS}`]: refusal(401, 'auth.device_signature', { server_time: 1 }) });
  await runner.take(ORDER);
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
  expect(store.kept.size).toBe(0);
});

it('shows that it is written down while the answer is on its way', async () => {
  const { runner } = await standing();
  const shown: string[] = [];
  runner.subscribe(() => {
    const { recorded, asked, answered } = stateOf(runner.snapshot());
    shown.push(`${recorded} ${asked} ${answered}`);
  });
  let isLooked = false;
  answers({
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
  expect(shown).toContain('done running waiting');
  expect(stateOf(runner.snapshot())).toMatchObject({
    asked: 'done',
    answered: 'failed',
    order: 'done',
    rewards: 'skipped',
  });
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
  const stop = seen.find((one) => one.path.endsWith('/cancel'));
  expect(stop?.headers.get('x-df-signature')).toMatch(/^[0-9a-f]{64}$/);
  expect(stateOf(runner.snapshot())).toMatchObject({ answered: 'skipped', rewards: 'skipped' });
});

it('a late look does not open again what is over', () => {
  const over = heard(begun(1, 0, false), PAID, 10);
  expect(heard(over, pending('channel'), 20).payment?.status).toBe('paid');
});

it('each hop is timed when it was learned of, once', () => {
  let story = heard(begun(1, 0, false), pending('channel'), 10);
  story = heard(story, pending('buyer'), 20);
  story = heard(story, PAID, 30);
  expect(story.learned).toEqual({ edge: 10, recorded: 10, asked: 20, answered: 30 });
});

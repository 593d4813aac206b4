/** A terminal in a small DOM: its keystore in memory, a clock that moves by sleeping, and answers. */
import { type Keystore, marked, type Terminal } from '../../../pages/cashier/keystore';
import { type Means, Runner } from '../../../pages/cashier/runner';
import type { Payment } from '../../../pages/cashier/shapes';
import { lockedKey } from '../../../pages/cashier/signing';
import { hopsOf, type Story } from '../../../pages/cashier/story';

export const PAYMENTS = '/api/device/v1/payments';
export const KEY = 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=';
export const NOW_MS = 1_795_406_400_000;
export const ORDER = {
  pay_request_id: 'c0ffee00c0ffee00',
  amount_fen: 1207,
  auth_code: `fp${'a'.repeat(33)}`,
  store_id: 's-1',
};
export const MINE = `${PAYMENTS}/${ORDER.pay_request_id}`;

export const pending = (waiting_for: Payment['waiting_for']): Payment => ({
  payment_id: 'p-1',
  pay_request_id: ORDER.pay_request_id,
  out_trade_no: 'T1',
  status: 'pending',
  amount_fen: ORDER.amount_fen,
  scene: 'face',
  channel: 'alipay',
  refunded_fen: 0,
  message: '请稍候',
  created_at: '2026-11-23T04:00:00Z',
  paid_at: null,
  retry_after_ms: 1000,
  ...(waiting_for ? { waiting_for } : {}),
});
export const PAID: Payment = {
  ...pending(undefined),
  status: 'paid',
  paid_at: '2026-11-23T04:00:01Z',
};
export const FAILED: Payment = {
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
export const AFTERWARDS = {
  'GET /api/merchant/v1/payments/p-1': [
    { body: { ...DETAIL, notices: [] } },
    { body: { ...DETAIL, notices: [{ ...DETAIL.notices[0], state: 'RECEIVED' }] } },
    { body: DETAIL },
  ],
  'GET /api/merchant/v1/orders': { body: { items: [{ order_no: 'D1' }], total: 1 } },
  'GET /api/device/v1/rewards/p-1': { body: GRANTED },
};
export const away = { status: 503, body: { code: 'unavailable', title: '繁忙 Busy.' } };
export const refusal = (status: number, code: string, more: object = {}) => ({
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

export async function terminal(): Promise<Terminal> {
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
export function means(isTaken = false): Means & { slept: number[] } {
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

export async function standing(own: Means = means()) {
  const store = new Memory();
  const one = await terminal();
  await store.save(one);
  return { store, one, runner: new Runner(one, store, own) };
}

export const stateOf = (story: Story | null) =>
  Object.fromEntries(story ? hopsOf(story).map((hop) => [hop.name, hop.state]) : []);
export const open = async (store: Keystore) => (await store.load('m-1'))?.unfinished;
export const posts = (seen: { method: string; path: string; body: unknown }[]) =>
  seen.filter((one) => one.method === 'POST' && one.path === PAYMENTS);

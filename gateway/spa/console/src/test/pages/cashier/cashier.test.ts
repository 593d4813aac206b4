/** The browser as a terminal: its signature, its clock, and the way a payment shows. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { codeFault, madeUpCode, madeUpFace, tidyCode } from '../../../pages/cashier/codes';
import { lockedKey, newNonce, signedHeaders } from '../../../pages/cashier/signing';
import { begun, withAnswer } from '../../../pages/cashier/story';
import { chargeable } from '../../../pages/cashier/TakeForm';
import { enrolled, Line, newSn } from '../../../pages/cashier/terminal';
import { answers } from '../../answers';
import { KEY, MINE, NOW_MS, PAID, pending, refusal, terminal } from './terminal';

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

it('says what it is when it is enrolled; nobody has to tell it by its number', async () => {
  const made = { device_id: 'd-1', key_id: 'k-1', key: KEY, store_id: 's-1', server_time: 1 };
  const asked = answers({
    'POST /api/merchant/v1/devices/codes': { status: 201, body: { code: 'ABCD' } },
    'POST /api/device/v1/enrol': { status: 201, body: made },
  });
  await enrolled('m-1', 's-1', 'TEST-00000001');
  const told = { code: 'ABCD', sn: 'TEST-00000001', kind: 'test_cashier' };
  expect(asked.at(-1)?.body).toEqual(told);
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
  ['￥5', 500],
  ['1,000.5', 100_050],
  ['1000000', 100_000_000],
  ['1000000.01', null],
  ['0', null],
  ['0.001', null],
  ['-1', null],
  ['1e2', null],
  ['', null],
])('"%s" yuan are %s fen', (yuan, fen) => {
  expect(chargeable(yuan)).toBe(fen);
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
  let told = later;
  const wandering = answers({
    [`GET ${MINE}`]: () => {
      told += 1000;
      return refusal(401, 'auth.clock_skew', { server_time: told });
    },
  });
  await expect(other.ask({ method: 'GET', path: MINE })).rejects.toMatchObject({ status: 401 });
  expect(wandering, 'it must not go round and round').toHaveLength(2);
});

it('a late look does not open again what is over', () => {
  const over = withAnswer(begun(1, 0, false), PAID, 10);
  expect(withAnswer(over, pending('channel'), 20).payment?.status).toBe('paid');
});

it('each hop is timed when it was learned of, once', () => {
  let story = withAnswer(begun(1, 0, false), pending('channel'), 10);
  story = withAnswer(story, pending('buyer'), 20);
  story = withAnswer(story, PAID, 30);
  expect(story.learned).toEqual({ edge: 10, recorded: 10, called: 20, answered: 30 });
});

/** The door to the API: CSRF, problems, the password asked again, the end of a session. */
import { ApiProblem } from '@shared/problem';
import { waitFor } from '@testing-library/react';
import { afterEach, expect, it, vi } from 'vitest';
import {
  arrived,
  csrf,
  get,
  leaving,
  OutcomeUnknown,
  onRefusal,
  post,
  remove,
} from '../../api/client';
import { answers } from '../answers';

const before = { ...onRefusal };
afterEach(() => Object.assign(onRefusal, before));

const STEP_UP = { status: 403, body: { code: 'auth.step_up_needed', title: '请确认 Confirm.' } };

it('sends the CSRF token with what changes something, and only then', async () => {
  csrf.keep('token-1');
  const seen = answers({
    'GET /api/merchant/v1/stores': { body: { items: [], total: 0, page: 1, page_size: 20 } },
    'POST /api/merchant/v1/stores': { status: 201, body: {} },
  });
  await get('/api/merchant/v1/stores', { query: { page: 2, empty: undefined } });
  await post('/api/merchant/v1/stores', { name: '人民路店' });
  expect(seen.map((one) => one.headers.get('x-csrf-token'))).toEqual([null, 'token-1']);
  expect(seen[0]?.path).toBe('/api/merchant/v1/stores?page=2');
  expect(seen[1]?.body).toEqual({ name: '人民路店' });
});

it('repeats a call once after the password was confirmed', async () => {
  onRefusal.stepUp = vi.fn(async () => true);
  const seen = answers({
    'POST /api/merchant/v1/apps/key-pairs': [STEP_UP, { body: { key_pair_id: 'k' } }],
  });
  const made = await post('/api/merchant/v1/apps/key-pairs', {});
  expect(made.key_pair_id).toBe('k');
  expect(seen).toHaveLength(2);
});

it('gives up when the password is not given', async () => {
  onRefusal.stepUp = async () => false;
  const seen = answers({ 'POST /api/merchant/v1/apps/key-pairs': STEP_UP });
  await expect(post('/api/merchant/v1/apps/key-pairs', {})).rejects.toMatchObject({
    code: 'auth.step_up_needed',
  });
  expect(seen).toHaveLength(1);
});

it('says when the session has ended', async () => {
  onRefusal.signedOut = vi.fn();
  answers({
    'GET /api/merchant/v1/orders': {
      status: 401,
      body: { code: 'auth.session', title: '失效 Ended.' },
    },
  });
  await expect(get('/api/merchant/v1/orders')).rejects.toBeInstanceOf(ApiProblem);
  expect(onRefusal.signedOut).toHaveBeenCalledOnce();
});

const silent = () => {
  throw new TypeError('failed');
};
const told = (status: number, code: string) => ({ status, body: { code, title: '没有 No.' } });

it.each([
  ['no answer', silent],
  ['a proxy in its own words', { status: 502, body: { error: 'bad gateway' } }],
  ['the edge: the service was silent', told(504, 'upstream.no_answer')],
  ['a service that failed half way', told(500, 'internal')],
])('does not know whether it was done: %s', async (_, reply) => {
  answers({ 'POST /api/merchant/v1/stores': reply });
  const lost = post('/api/merchant/v1/stores', { name: '一店' });
  await expect(lost).rejects.toBeInstanceOf(OutcomeUnknown);
  await expect(lost).rejects.toMatchObject({ code: 'outcome_unknown' });
});

it.each([
  ['no service got it', told(503, 'upstream.unavailable')],
  ['the edge is full', told(503, 'gateway.busy')],
  ['refused', told(409, 'conflict')],
  ['too fast', told(429, 'rate.limited')],
])('knows that it was not done: %s', async (_, reply) => {
  answers({ 'POST /api/merchant/v1/stores': reply });
  await expect(post('/api/merchant/v1/stores', { name: '一店' })).rejects.toMatchObject({
    code: reply.body.code,
  });
});

it('knows that nothing left a machine without a network', async () => {
  vi.spyOn(navigator, 'onLine', 'get').mockReturnValueOnce(false);
  answers({ 'POST /api/merchant/v1/stores': silent });
  await expect(post('/api/merchant/v1/stores', { name: '一店' })).rejects.toMatchObject({
    code: 'unreachable',
  });
});

it('calls a dead network by its name', async () => {
  vi.stubGlobal('fetch', async () => {
    throw new TypeError('failed');
  });
  await expect(get('/api/merchant/v1/orders')).rejects.toMatchObject({ code: 'unreachable' });
});

const M = '/api/merchant/v1';
const hangs = () => new Promise<never>(() => undefined);

/** How often a path was asked for: what another file of this run left behind asks, too. */
const times = (seen: { method: string; path: string }[], path: string, method = 'GET') =>
  seen.filter((one) => one.method === method && one.path === path).length;

it('reads nothing while a session ends, and reads on when that failed', async () => {
  let refuse = () => {};
  const seen = answers({
    [`GET ${M}/stores`]: [hangs, { body: {} }],
    [`GET ${M}/orders`]: { body: {} },
    [`DELETE ${M}/session`]: () =>
      new Promise((resolve) => {
        refuse = () => resolve(told(503, 'gateway.busy'));
      }),
  });
  const stores = get(`${M}/stores`);
  await waitFor(() => expect(times(seen, `${M}/stores`)).toBe(1));
  const ended = leaving(() => remove(`${M}/session`));
  const orders = get(`${M}/orders`);
  await waitFor(() => expect(times(seen, `${M}/session`, 'DELETE')).toBe(1));
  expect(times(seen, `${M}/orders`)).toBe(0);
  refuse();
  await expect(ended).rejects.toMatchObject({ code: 'gateway.busy' });
  await Promise.all([stores, orders]);
  expect(times(seen, `${M}/stores`)).toBe(2);
  expect(times(seen, `${M}/orders`)).toBe(1);
});

it('drops what was read for a session that has ended', async () => {
  const seen = answers({
    [`GET ${M}/stores`]: hangs,
    [`GET ${M}/orders`]: { body: {} },
    [`DELETE ${M}/session`]: { status: 204 },
  });
  const settled = vi.fn();
  void get(`${M}/stores`).then(settled, settled);
  await waitFor(() => expect(times(seen, `${M}/stores`)).toBe(1));
  await leaving(() => remove(`${M}/session`));
  void get(`${M}/apps`).then(settled, settled);
  arrived();
  await get(`${M}/orders`);
  expect([times(seen, `${M}/stores`), times(seen, `${M}/apps`)]).toEqual([1, 0]);
  expect(settled).not.toHaveBeenCalled();
});

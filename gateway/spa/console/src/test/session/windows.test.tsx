/** Two windows, one session: a page stays with the merchant and the person it was opened for. */
import { act, render, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { get, naming, post, shown } from '../../api/client';
import { makeQueries, Providers } from '../../app';
import { isReason } from '../../parts/forms/Reason';
import { answers } from '../answers';

// Not the module: other files of this run have loaded it, as it is.
const opened = { at: [] as string[] };
beforeEach(() => {
  vi.spyOn(window.location, 'assign').mockImplementation((to) => {
    opened.at.push(String(to));
  });
});

const EMPTY = { items: [], total: 0, page: 1, page_size: 20 };
const NOBODY = { status: 401, body: { code: 'auth.session', title: '请登录 Sign in.' } };
const ELSEWHERE = {
  status: 409,
  body: { code: 'acting.elsewhere', title: '本页属于另一商户 This page is of another merchant.' },
};

function acting(merchant_id: string, merchant_name: string) {
  return {
    merchant_id,
    merchant_name,
    reason: '工单 4712：开通新门店',
    until: '2026-11-26T03:00:00Z',
  };
}

function session(more: object = {}, permissions = ['stores.read', 'stores.write', 'acting.use']) {
  return {
    user: { user_id: 'u', login: 'ada@ops', name: '小林', role: 'operator_admin' },
    merchant: null,
    permissions,
    expires_at: '2026-11-27T00:00:00Z',
    acting: null,
    ...more,
  };
}

type Reply = { status?: number; body?: unknown };
/** What is so until the other window does something, and after it. By state, not by turns: a window
 * that acts asks again every ten seconds. */
const other = { hasActed: false };
const turning = (before: Reply, after: Reply) => () => (other.hasActed ? after : before);

const A = { body: session({ acting: acting('a', '茶铺') }) };
const B = { body: session({ acting: acting('b', '咖啡馆') }) };

function show(path: string, replies: Parameters<typeof answers>[0]) {
  localStorage.setItem('damselfly.console', 'operator');
  window.history.replaceState(null, '', path);
  const seen = answers({
    'GET /api/merchant/v1/stores': { body: EMPTY },
    'GET /api/operator/v1/acting/grants': { body: { items: [] } },
    ...replies,
  });
  const queries = makeQueries();
  render(<Providers queries={queries} />);
  const again = () => {
    other.hasActed = true;
    return act(() => queries.invalidateQueries({ queryKey: ['who'] }));
  };
  return { seen, again };
}

beforeEach(() => localStorage.setItem('damselfly.language', 'zh-CN'));
afterEach(() => {
  opened.at = [];
  other.hasActed = false;
  shown.merchantId = null;
});

it('names the merchant of its page in each request for it, and in none of the session', async () => {
  const { seen } = show('/stores', {
    'GET /api/operator/v1/session': A,
    'GET /api/merchant/v1/session': A,
  });
  await screen.findAllByRole('button', { name: '新建门店' });
  await post('/api/merchant/v1/stores', { name: '一店' } as never).catch(() => undefined);
  const named = (path: string) =>
    seen.filter((one) => one.path.startsWith(path)).map((one) => one.headers.get('X-Acting-For'));
  expect(new Set(named('/api/merchant/v1/stores'))).toEqual(new Set(['a']));
  expect(new Set(named('/api/merchant/v1/session'))).toEqual(new Set([null]));
  expect(new Set(named('/api/operator/v1/'))).toEqual(new Set([null]));
  expect(naming('/api/merchant/v1/audit/export?page=1')).toEqual({ 'X-Acting-For': 'a' });
  expect(naming('/api/operator/v1/acting')).toEqual({ 'X-Acting-For': 'a' });
});

it('stops, instead of turning into the page of another merchant', async () => {
  const { seen, again } = show('/stores', {
    'GET /api/operator/v1/session': turning(A, B),
    'GET /api/merchant/v1/session': turning(A, B),
  });
  await screen.findAllByRole('button', { name: '新建门店' });
  await again();
  expect(await screen.findByRole('heading', { name: '另一个窗口开始了代操作' })).toBeTruthy();
  expect(screen.getByRole('alert').textContent).toContain('您现在代“咖啡馆”操作');
  expect(screen.queryByRole('button', { name: '新建门店' })).toBeNull();
  await get('/api/merchant/v1/stores');
  expect(seen.at(-1)?.headers.get('X-Acting-For')).toBe('a');
  await userEvent.click(screen.getByRole('button', { name: '在这里也代“咖啡馆”操作' }));
  expect(opened.at).toEqual(['/']);
});

it('asks who is signed in when the edge says that the page is of another merchant', async () => {
  const { seen } = show('/stores', {
    'GET /api/operator/v1/session': turning(A, B),
    'GET /api/merchant/v1/session': turning(A, B),
    'POST /api/merchant/v1/stores': () => {
      other.hasActed = true;
      return ELSEWHERE;
    },
  });
  await screen.findAllByRole('button', { name: '新建门店' });
  await act(() =>
    post('/api/merchant/v1/stores', { name: '一店' } as never).catch(() => undefined),
  );
  expect(await screen.findByRole('heading', { name: '另一个窗口开始了代操作' })).toBeTruthy();
  expect(seen.filter(({ method }) => method === 'POST')).toHaveLength(1);
});

it('says that acting has ended, and leads back to the merchant', async () => {
  const { again } = show('/settings/merchant', {
    'GET /api/operator/v1/session': turning(A, { body: session() }),
    'GET /api/merchant/v1/session': A,
  });
  await screen.findByText(/您正在代“茶铺”操作/);
  await again();
  expect(await screen.findByRole('heading', { name: '代操作已结束' })).toBeTruthy();
  expect(screen.queryByText('没有这个页面')).toBeNull();
  await userEvent.click(screen.getByRole('button', { name: '回到该商户的页面' }));
  expect(opened.at).toEqual(['/merchants/a']);
});

it('keeps the operator signed in whose acting ended between two questions', async () => {
  const { again } = show('/stores', {
    'GET /api/operator/v1/session': A,
    'GET /api/merchant/v1/session': turning(A, {
      status: 401,
      body: { code: 'auth.unauthorized', title: '未登录 Not signed in.' },
    }),
  });
  await screen.findByText(/您正在代“茶铺”操作/);
  await again();
  expect(await screen.findByRole('heading', { name: '代操作已结束' })).toBeTruthy();
});

it.each(['a channel', 'what is stored'])('hears of a sign-out by %s', async (how) => {
  const { seen } = show('/stores', {
    'GET /api/operator/v1/session': turning(A, NOBODY),
    'GET /api/merchant/v1/session': A,
  });
  await screen.findByText(/您正在代“茶铺”操作/);
  const asked = seen.length;
  other.hasActed = true;
  if (how === 'a channel') {
    const channel = new BroadcastChannel('damselfly.session');
    channel.postMessage('changed');
    await screen.findByRole('button', { name: '登录' });
    channel.close();
  } else {
    act(() => {
      window.dispatchEvent(new StorageEvent('storage', { key: 'damselfly.changed' }));
    });
  }
  expect(await screen.findByRole('button', { name: '登录' })).toBeTruthy();
  expect(seen.length).toBeGreaterThan(asked);
});

it('tells the other windows that it has signed out', async () => {
  const channel = new BroadcastChannel('damselfly.session');
  const heard = vi.fn();
  channel.addEventListener('message', heard);
  show('/stores', {
    'GET /api/operator/v1/session': A,
    'GET /api/merchant/v1/session': A,
    'DELETE /api/operator/v1/session': { status: 204 },
  });
  await screen.findByText(/您正在代“茶铺”操作/);
  await userEvent.click(screen.getByRole('button', { name: /小林/ }));
  await userEvent.click(await screen.findByText('退出登录'));
  await screen.findByRole('button', { name: '登录' });
  await waitFor(() => expect(heard).toHaveBeenCalled());
  channel.close();
});

it('refuses the reasons that the server refuses', () => {
  const refused = ['', 'x', '协助', 'aaaa aaaa aaaa', '天天天天', 'ticket', 'a b c d e f g h'];
  const taken = ['协助绑定小程序', '工单 4712：开通新门店', 'help with the setup', '開店手続き'];
  expect(refused.filter(isReason)).toEqual([]);
  expect(taken.filter(isReason)).toEqual(taken);
});

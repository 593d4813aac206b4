/** The console as a person meets it: signing in, the menu by role, the list. */
import { render, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeEach, expect, it } from 'vitest';
import { makeQueries, Providers } from '../../app';
import { answers } from '../answers';

const OWNER = {
  user: { user_id: 'u', login: 'owner@demo', name: '李雷', role: 'merchant_owner' },
  merchant: { merchant_id: 'm', name: '豆娘演示商户', created_at: '2026-11-26T00:00:00Z' },
  permissions: ['orders.read', 'apps.read', 'stores.read'],
  expires_at: '2026-11-27T00:00:00Z',
};
const NOBODY = { status: 401, body: { code: 'auth.session', title: '请登录 Sign in.' } };
const EMPTY = { items: [], total: 0, page: 1, page_size: 20 };

function show(path: string) {
  window.history.replaceState(null, '', path);
  return render(<Providers queries={makeQueries()} />);
}

beforeEach(() => localStorage.setItem('damselfly.language', 'zh-CN'));

it('signs in and shows the menu this role has', async () => {
  const seen = answers({
    'GET /api/merchant/v1/session': [NOBODY, { body: OWNER }],
    'POST /api/merchant/v1/session': { body: { ...OWNER, csrf_token: 'c-1' } },
    'GET /api/merchant/v1/stores': { body: EMPTY },
    'GET /api/merchant/v1/orders': { body: EMPTY },
  });
  show('/orders');
  const person = userEvent.setup();
  await person.type(await screen.findByLabelText('账号'), 'owner@demo');
  await person.type(screen.getByLabelText('密码'), 'a long password');
  await person.click(screen.getByRole('button', { name: '登录' }));
  expect(await screen.findByText('还没有订单')).toBeTruthy();
  expect(localStorage.getItem('damselfly.csrf')).toBe('c-1');
  expect(seen.some((one) => one.method === 'POST')).toBe(true);
  const menu = within(screen.getByRole('navigation', { name: '主菜单' }));
  expect(menu.getByText('订单管理')).toBeTruthy();
  expect(menu.queryByText('审计日志')).toBeNull();
  expect(document.title).toBe('订单管理 · 豆娘');
});

it('asks about no session where nobody has signed in', async () => {
  localStorage.removeItem('damselfly.csrf');
  const seen = answers({ 'GET /api/operator/v1/first-run': { body: { is_needed: false } } });
  show('/');
  expect(await screen.findByRole('button', { name: '登录' })).toBeTruthy();
  expect(seen.filter((one) => one.path.endsWith('/session'))).toEqual([]);
});

it('says what a wrong password is, in the language chosen', async () => {
  answers({
    'GET /api/merchant/v1/session': NOBODY,
    'POST /api/merchant/v1/session': {
      status: 401,
      body: { code: 'auth.bad_credentials', title: '账号或密码不正确 The login is not right.' },
    },
  });
  show('/');
  const person = userEvent.setup();
  await person.type(await screen.findByLabelText('账号'), 'owner@demo');
  await person.type(screen.getByLabelText('密码'), 'wrong');
  await person.click(screen.getByRole('button', { name: '登录' }));
  expect((await screen.findByRole('alert')).textContent).toContain('账号或密码不正确');
});

it('asks for the list that the address says', async () => {
  const seen = answers({
    'GET /api/merchant/v1/session': { body: OWNER },
    'GET /api/merchant/v1/stores': { body: EMPTY },
    'GET /api/merchant/v1/orders': { body: EMPTY },
  });
  show('/orders?pay_state=paid&from=2026-11-26&page=2');
  expect(await screen.findByText('没有符合条件的记录')).toBeTruthy();
  await waitFor(() => {
    const asked = seen.find((one) => one.path.startsWith('/api/merchant/v1/orders'));
    const query = new URL(`http://x${asked?.path}`).searchParams;
    expect(Object.fromEntries(query)).toEqual({
      pay_state: 'paid',
      from: '2026-11-25T16:00:00.000Z',
      page: '2',
      page_size: '20',
    });
  });
});

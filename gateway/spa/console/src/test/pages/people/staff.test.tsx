/** People of a merchant: only a cashier is bound to stores. */
import { render, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeEach, expect, it } from 'vitest';
import { makeQueries, Providers } from '../../../app';
import { answers } from '../../answers';

const M = '/api/merchant/v1';
const PERMISSIONS = ['staff.read', 'staff.write', 'stores.read', 'api_keys.read'];
const CASHIER = {
  user_id: 'c1',
  login: 'xiaozhou@tea',
  name: '小周',
  role: 'cashier',
  store_ids: ['s1'],
  is_enabled: true,
  is_self: false,
  has_authenticator_app: false,
  has_passkeys: false,
  has_second_factor: false,
  created_at: '2026-11-26T00:00:00Z',
  version: 4,
};
const STORE = { store_id: 's1', name: '湖滨店', created_at: '2026-11-26T00:00:00Z', version: 1 };
const page = (items: object[]) => ({
  body: { items, total: items.length, page: 1, page_size: 20 },
});

beforeEach(() => localStorage.setItem('damselfly.language', 'zh-CN'));

it('gives a cashier of one store another role, which has no stores', async () => {
  window.history.replaceState(null, '', '/staff');
  const seen = answers({
    [`GET ${M}/session`]: {
      body: {
        user: { user_id: 'u', login: 'boss@tea', name: '老板', role: 'merchant_owner' },
        merchant: { merchant_id: 'm1', name: '茶铺', handle: 'tea' },
        permissions: PERMISSIONS,
        expires_at: '2036-11-27T00:00:00Z',
        acting: null,
      },
    },
    [`GET ${M}/staff`]: page([CASHIER]),
    [`GET ${M}/stores`]: page([STORE]),
    [`GET ${M}/api-keys`]: page([]),
    [`GET ${M}/roles`]: {
      body: {
        items: ['cashier', 'merchant_finance'].map((role) => ({ role, permissions: [] })),
      },
    },
    [`PATCH ${M}/staff/c1`]: { body: { ...CASHIER, role: 'merchant_finance', store_ids: [] } },
  });
  render(<Providers queries={makeQueries()} />);
  const person = userEvent.setup();
  await person.click(await screen.findByRole('button', { name: '编辑 xiaozhou@tea' }));
  expect(await screen.findByLabelText('可见门店')).toBeTruthy();
  await person.click(screen.getByLabelText('角色'));
  await person.click(await screen.findByTitle('财务'));
  await waitFor(() => expect(screen.queryByLabelText('可见门店')).toBeNull());
  await person.click(screen.getByRole('button', { name: '保存' }));
  await waitFor(() => {
    const sent = seen.find((one) => one.method === 'PATCH');
    expect(sent?.body).toEqual({ role: 'merchant_finance', version: 4 });
  });
});

/** What an operator asks for beyond looking: an owner sees it and decides, the operator waits. */
import { act, render, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeEach, expect, it } from 'vitest';
import { makeQueries, Providers } from '../../../app';
import { answers } from '../../answers';
import { readyButton } from '../../buttons';

const EMPTY = { items: [], total: 0, page: 1, page_size: 20 };
const GRANT = {
  grant_id: 'g1',
  operator_name: '小林',
  permission_set: 'setup',
  permissions: ['onboarding.write', 'stores.write'],
  reason: '工单 4712：开通新门店',
  minutes: 120,
  state: 'asked',
  asked_at: '2026-11-26T00:00:00Z',
  expires_at: '2026-11-27T00:00:00Z',
  decided_name: '',
  decided_for: null,
  decided_at: null,
  until: null,
  ended_at: null,
  end_cause: null,
};
const GIVEN = {
  ...GRANT,
  state: 'given',
  decided_name: '李雷',
  decided_for: 'merchant',
  until: '2026-11-26T02:00:00Z',
};

function session(permissions: string[], more: object = {}) {
  return {
    user: { user_id: 'u', login: 'owner@demo', name: '李雷', role: 'merchant_owner' },
    merchant: { merchant_id: 'm', name: '豆娘', created_at: '2026-11-26T00:00:00Z' },
    permissions,
    expires_at: '2026-11-27T00:00:00Z',
    acting: null,
    ...more,
  };
}

function show(path: string) {
  window.history.replaceState(null, '', path);
  const queries = makeQueries();
  render(<Providers queries={queries} />);
  return queries;
}

beforeEach(() => {
  localStorage.setItem('damselfly.language', 'zh-CN');
});

it('shows an owner who asks, why and for how long, and takes the answer', async () => {
  let items: object[] = [GRANT];
  const seen = answers({
    'GET /api/merchant/v1/session': {
      body: session(['orders.read', 'audit.read', 'acting.consent']),
    },
    'GET /api/merchant/v1/stores': { body: EMPTY },
    'GET /api/merchant/v1/acting/grants': () => ({ body: { items } }),
    'POST /api/merchant/v1/acting/grants/g1/give': () => {
      items = [GIVEN, { ...GRANT, grant_id: 'g0', state: 'refused' }];
      return { body: GIVEN };
    },
    'POST /api/merchant/v1/acting/grants/g1/withdraw': { status: 204 },
  });
  show('/');
  const card = within(await screen.findByRole('region', { name: '服务商人员申请代您操作' }));
  for (const text of ['小林', '工单 4712：开通新门店', '2 小时', '完成开通步骤，新建和改名门店'])
    expect(card.getByText(text)).toBeTruthy();
  await userEvent.click(card.getByRole('button', { name: '同意' }));
  await userEvent.click(await readyButton('收回', card));
  expect(card.getByText('李雷（商户）')).toBeTruthy();
  expect(card.getAllByRole('listitem')).toHaveLength(1);
  const posts = () => seen.filter(({ method }) => method === 'POST').map(({ path }) => path);
  await waitFor(() =>
    expect(posts()).toEqual([
      '/api/merchant/v1/acting/grants/g1/give',
      '/api/merchant/v1/acting/grants/g1/withdraw',
    ]),
  );
});

it('shows an auditor the request without the buttons', async () => {
  answers({
    'GET /api/merchant/v1/session': { body: session(['orders.read', 'audit.read']) },
    'GET /api/merchant/v1/stores': { body: EMPTY },
    'GET /api/merchant/v1/acting/grants': { body: { items: [GRANT] } },
  });
  show('/');
  const card = within(await screen.findByRole('region', { name: '服务商人员申请代您操作' }));
  expect(card.queryByRole('button')).toBeNull();
});

it('lets a second operator decide, and nobody their own', async () => {
  localStorage.setItem('damselfly.console', 'operator');
  const other = { ...GRANT, merchant_id: 'm1', merchant_name: '茶铺', is_own: false };
  const own = { ...other, grant_id: 'g2', merchant_name: '咖啡馆', is_own: true };
  const seen = answers({
    'GET /api/operator/v1/session': {
      body: session(['acting.use', 'acting.grant', 'merchants.read'], { merchant: null }),
    },
    'GET /api/operator/v1/acting/grants': { body: { items: [other, own] } },
    'POST /api/operator/v1/acting/grants/m1/g1/refuse': { status: 204 },
  });
  show('/grants');
  await screen.findByText('茶铺');
  const rows = screen.getAllByRole('listitem');
  const [first, second] = rows
    .filter((row) => row.textContent?.includes('工单'))
    .map((row) => within(row));
  expect(second?.queryByRole('button', { name: '同意' })).toBeNull();
  expect(second?.getByRole('button', { name: '撤回申请' })).toBeTruthy();
  // There one begins to act, once it is given.
  const there = second?.getByRole('link', { name: '咖啡馆' });
  expect(there?.getAttribute('href')).toBe('/merchants/m1');
  await userEvent.click(first?.getByRole('button', { name: '拒绝' }) as HTMLElement);
  const posts = () => seen.filter(({ method }) => method === 'POST').map(({ path }) => path);
  await waitFor(() => expect(posts()).toEqual(['/api/operator/v1/acting/grants/m1/g1/refuse']));
});

it('offers what was given as soon as it was given', async () => {
  localStorage.setItem('damselfly.console', 'operator');
  const acting = {
    merchant_id: 'm1',
    merchant_name: '茶铺',
    reason: '工单 4712：开通新门店',
    until: '2026-11-26T03:00:00Z',
  };
  const row = { ...GRANT, merchant_id: 'm1', merchant_name: '茶铺', is_own: true };
  const given = { ...row, state: 'given', until: '2026-11-26T02:00:00Z' };
  let isGiven = false;
  answers({
    'GET /api/operator/v1/session': { body: session(['acting.use'], { acting }) },
    'GET /api/merchant/v1/session': () => ({
      body: session(isGiven ? ['stores.read', 'stores.write'] : ['stores.read'], { acting }),
    }),
    'GET /api/merchant/v1/stores': { body: EMPTY },
    'GET /api/operator/v1/acting/grants': () => ({ body: { items: [isGiven ? given : row] } }),
  });
  const queries = show('/stores');
  expect(await screen.findByText('已申请更多权限，等待同意')).toBeTruthy();
  expect(screen.queryByRole('button', { name: '新建门店' })).toBeNull();
  isGiven = true;
  await act(() => queries.invalidateQueries({ queryKey: ['grants'] }));
  expect(await screen.findByText('已获更多权限')).toBeTruthy();
  // One time: what is given ends before the acting does.
  const ribbon = document.querySelector('.ribbon.acting')?.textContent ?? '';
  expect(ribbon.match(/\d\d:\d\d/g)).toEqual(['10:00']);
  expect((await screen.findAllByRole('button', { name: '新建门店' })).length).toBeGreaterThan(0);
});

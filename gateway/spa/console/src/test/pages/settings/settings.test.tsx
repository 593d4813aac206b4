/** A settings page whose change waits for somebody else, and the step-up before it. */
import { render, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeEach, expect, it } from 'vitest';
import { makeQueries, Providers } from '../../../app';
import { answers } from '../../answers';
import { BOUND_APP } from '../binding/binder';

const USER = { user_id: 'u', login: 'owner@demo', name: '李雷', role: 'merchant_owner' };
const OWNER = {
  user: { ...USER, has_second_factor: false },
  merchant: { merchant_id: 'm', name: '豆娘', created_at: '2026-11-26T00:00:00Z' },
  permissions: ['merchant.read', 'merchant.write', 'apps.read'],
  expires_at: '2026-11-27T00:00:00Z',
};
const EMPTY = { items: [], total: 0, page: 1, page_size: 20 };
const MERCHANT = {
  merchant_id: 'm',
  name: '豆娘',
  edition: 'flagship',
  support_contact: '',
  dual_control: true,
  version: 4,
  created_at: '2026-11-26T00:00:00Z',
  operators_acting: [],
};
const WAITS = { status: 202, body: { change_id: 'c', state: 'waiting' } };
const problem = (code: string, title: string) => ({ status: 403, body: { code, title } });

function show(path: string, replies: Parameters<typeof answers>[0]) {
  const seen = answers({
    'GET /api/merchant/v1/session': { body: OWNER },
    'GET /api/merchant/v1/stores': { body: EMPTY },
    'GET /api/merchant/v1/merchant': { body: MERCHANT },
    ...replies,
  });
  window.history.replaceState(null, '', path);
  render(<Providers queries={makeQueries()} />);
  return { seen, person: userEvent.setup() };
}

beforeEach(() => localStorage.setItem('damselfly.language', 'zh-CN'));

it('shows the second approver as on while switching it off waits', async () => {
  const { person, seen } = show('/settings/merchant', {
    'PATCH /api/merchant/v1/merchant': WAITS,
  });
  const isOn = () =>
    screen.getByRole('switch', { name: '密钥变更需第二人复核' }).getAttribute('aria-checked');
  await person.click(await screen.findByRole('switch', { name: '密钥变更需第二人复核' }));
  expect(isOn()).toBe('false');
  await person.click(screen.getByRole('button', { name: /保\s*存/ }));
  await waitFor(() => expect(isOn()).toBe('true'));
  expect(seen.find((one) => one.method === 'PATCH')?.body).toEqual({
    dual_control: false,
    version: 4,
  });
});

it('says that WeChat codes are coming, and asks for nothing', async () => {
  const { seen } = show('/settings/wechat', {});
  await screen.findByText('即将支持');
  expect(screen.queryAllByRole('textbox')).toEqual([]);
  expect(screen.queryAllByRole('switch')).toEqual([]);
  expect(seen.filter((one) => one.path.includes('settings'))).toEqual([]);
});

it('shows the binding that holds while another waits', async () => {
  const { person, seen } = show('/miniprogram', {
    'GET /api/merchant/v1/session': {
      body: { ...OWNER, permissions: ['apps.read', 'apps.write'] },
    },
    'GET /api/merchant/v1/apps': { body: { items: [BOUND_APP] } },
    'GET /api/merchant/v1/apps/changes': { body: { items: [] } },
    'PUT /api/merchant/v1/apps': WAITS,
  });
  const isOn = () =>
    screen.getByRole('switch', { name: '开启 IoT 小程序' }).getAttribute('aria-checked');
  await person.click(await screen.findByRole('switch', { name: '开启 IoT 小程序' }));
  expect(isOn()).toBe('false');
  await person.click(screen.getByRole('button', { name: '保存绑定' }));
  await waitFor(() => expect(seen.some((one) => one.method === 'PUT')).toBe(true));
  await waitFor(() => expect(isOn()).toBe('true'));
});

it('asks for the code of a second factor that another window has set up', async () => {
  const { person, seen } = show('/settings/merchant', {
    'PATCH /api/merchant/v1/merchant': [
      problem('auth.step_up_needed', '请再次输入密码 Confirm.'),
      WAITS,
    ],
    'POST /api/merchant/v1/session/step-up': [
      problem('auth.code_needed', '请输入验证码 Enter the code.'),
      { body: { ...OWNER, csrf_token: 'c-2' } },
    ],
  });
  await person.click(await screen.findByRole('switch', { name: '密钥变更需第二人复核' }));
  await person.click(screen.getByRole('button', { name: /保\s*存/ }));
  const dialog = within(await screen.findByRole('dialog'));
  await person.type(dialog.getByLabelText('密码'), 'a long password');
  expect(dialog.queryByRole('textbox', { name: '验证码' })).toBeNull();
  await person.click(dialog.getByRole('button', { name: /确\s*认/ }));
  await person.type(await dialog.findByRole('textbox', { name: '验证码' }), ' 123456 ');
  await person.click(dialog.getByRole('button', { name: /确\s*认/ }));
  await waitFor(() =>
    expect(seen.filter((one) => one.path.endsWith('/step-up')).map((one) => one.body)).toEqual([
      { password: 'a long password' },
      { password: 'a long password', code: '123456' },
    ]),
  );
  await waitFor(() => expect(seen.filter((one) => one.method === 'PATCH')).toHaveLength(2));
});

it.each([
  ['wechat.change_ask', '提交微信收款变更', false],
  ['app.change_ask', '提交密钥变更', true],
])('has words for %s (%s); it is a choice in the filter: %s', async (action, words, isOffered) => {
  const entry = {
    audit_id: 'a',
    seq: 7,
    at: '2026-11-27T00:00:00Z',
    actor: 'platform',
    actor_name: null,
    action,
    subject: 'm',
    subject_name: null,
    reason: null,
    before: null,
    after: null,
    address: null,
  };
  const { seen } = show(`/audit?action=${action}`, {
    'GET /api/merchant/v1/session': { body: { ...OWNER, permissions: ['audit.read'] } },
    'GET /api/merchant/v1/audit': { body: { ...EMPTY, items: [entry], total: 1 } },
  });
  await screen.findByLabelText('详情 7');
  expect(screen.getAllByText(words).length).toBeGreaterThan(0);
  const asked = seen.filter((one) => one.path.includes('/audit?'));
  expect(asked.map((one) => one.path.includes('action='))).toEqual(asked.map(() => isOffered));
});

/** Small slips of people: pointed at where they happen, instead of refused without a reason. */
import { render, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeEach, expect, it, vi } from 'vitest';
import { makeQueries, Providers } from '../../../app';
import { answers } from '../../answers';

const EMPTY = { items: [], total: 0, page: 1, page_size: 20 };
const MERCHANT = {
  merchant_id: 'm1',
  name: '茶铺',
  handle: 'tea',
  edition: 'flagship',
  created_at: '2026-11-26T00:00:00Z',
  suspended_at: null,
  suspended_reason: '',
  namesakes: 0,
  stores: 1,
  staff: 1,
  apps: 0,
  support_contact: '',
  dual_control: false,
  version: 1,
  progress: { percent: 60, is_ready: false, step: null },
};
const OWNER = {
  user_id: 'o1',
  login: 'boss@tea',
  is_enabled: true,
  has_password: true,
  has_second_factor: false,
  link_until: null,
  limited_until: null,
};

function session(console: 'operator' | 'merchant', permissions: string[]) {
  return {
    user: { user_id: 'u', login: 'ada@ops', name: '小林', role: `${console}_admin` },
    merchant: console === 'operator' ? null : { merchant_id: 'm1', name: '茶铺', handle: 'tea' },
    permissions,
    expires_at: '2026-11-27T00:00:00Z',
    acting: null,
  };
}

function show(path: string, replies: Parameters<typeof answers>[0]) {
  const [address, hash] = path.split('#');
  window.history.replaceState(null, '', hash === undefined ? path : `${address}#${hash}`);
  const seen = answers(replies);
  render(<Providers queries={makeQueries()} />);
  return { seen, person: userEvent.setup() };
}

beforeEach(() => {
  localStorage.setItem('damselfly.language', 'zh-CN');
});

function asOperator(path: string, replies: Parameters<typeof answers>[0]) {
  localStorage.setItem('damselfly.console', 'operator');
  return show(path, {
    'GET /api/operator/v1/session': {
      body: session('operator', ['merchants.read', 'merchants.write']),
    },
    ...replies,
  });
}

it('points at blanks around a password, and takes it as it is', async () => {
  const nobody = { status: 401, body: { code: 'auth.session', title: '请登录 Sign in.' } };
  const { person } = show('/', {
    'GET /api/merchant/v1/session': nobody,
    'GET /api/operator/v1/first-run': { body: { is_needed: false } },
  });
  const field = await screen.findByLabelText<HTMLInputElement>('密码');
  await person.type(field, 'secret');
  expect(screen.queryByText(/前后有空格/)).toBeNull();
  await person.type(field, ' ');
  expect(await screen.findByText('密码前后有空格，会一起作为密码')).toBeTruthy();
  expect(field.value).toBe('secret ');
});

it.each(['/password', '/password#', '/password#abcdefghijklmnopqrstuvwxyz'])(
  'says that a link was cut off: %s',
  async (path) => {
    const status = path.length > 20 ? 410 : 422;
    show(path, {
      'POST /api/public/v1/password-link': {
        status,
        body: { code: status === 422 ? 'invalid_body' : 'auth.link', title: '不行 No.' },
      },
    });
    expect(await screen.findByText('链接不完整，请复制整条链接')).toBeTruthy();
  },
);

it('makes the owner’s login of a username and the handle, as those of staff', async () => {
  const { seen, person } = asOperator('/merchants', {
    'GET /api/operator/v1/merchants': { body: EMPTY },
    'POST /api/operator/v1/merchants': {
      status: 422,
      body: { code: 'invalid_body', title: '不行 No.' },
    },
  });
  await person.click((await screen.findAllByRole('button', { name: '新建商户' }))[0] as Element);
  const dialog = within(await screen.findByRole('dialog'));
  await person.type(dialog.getByLabelText('商户名称'), '茶铺');
  const login = dialog.getByLabelText('管理员账号');
  await person.type(login, 'Boss Lady');
  const save = dialog.getByRole('button', { name: /保\s*存/ });
  await person.click(save);
  expect(await dialog.findByText('用户名里不要有空格。')).toBeTruthy();
  await person.clear(login);
  await person.type(login, 'boss@tea');
  expect(await dialog.findByText(/^不用写 @/)).toBeTruthy();
  expect(seen.some((one) => one.method === 'POST')).toBe(false);
  await person.clear(login);
  await person.type(login, 'boss');
  const posted = () => seen.filter((one) => one.method === 'POST').map((one) => one.body);
  await person.click(save);
  await waitFor(() => expect(posted()).toHaveLength(1));
  const { handle } = posted()[0] as { handle: string };
  expect(handle).toMatch(/^[b-z2-9]{6}$/);
  expect(posted()[0]).toEqual({ name: '茶铺', login: `boss@${handle}`, handle });
  expect(dialog.getByText(`登录账号将是 boss@${handle}`)).toBeTruthy();
  await person.type(dialog.getByLabelText('登录后缀'), 'tea-house');
  await person.click(save);
  await waitFor(() => expect(posted()).toHaveLength(2));
  expect(posted()[1]).toMatchObject({ login: 'boss@tea-house', handle: 'tea-house' });
});

const MERCHANT_PAGE = {
  'GET /api/operator/v1/merchants/m1': { body: MERCHANT },
  'GET /api/operator/v1/merchants/m1/owners': { body: { items: [OWNER] } },
  'GET /api/operator/v1/merchants/m1/stores': { body: EMPTY },
  'GET /api/operator/v1/devices': { body: EMPTY },
  'GET /api/operator/v1/figures': { body: { items: [], as_of: '2026-11-26T05:00:00Z' } },
};

it('tells the rule of a reason and what is voided before somebody suspends, in red', async () => {
  const { person } = asOperator('/merchants/m1', MERCHANT_PAGE);
  await person.click(await screen.findByRole('button', { name: '停用商户' }));
  const dialog = within(await screen.findByRole('dialog'));
  expect(dialog.getByText('至少四个不同的汉字，或至少两个词、八个字母')).toBeTruthy();
  expect(dialog.getByText(/没用的一次性链接在停用期间不能用/)).toBeTruthy();
  const button = dialog.getByRole('button', { name: '停用商户' });
  expect(button.className).toContain('dangerous');
});

it('says what a reset voids', async () => {
  const { person } = asOperator('/merchants/m1', MERCHANT_PAGE);
  await person.click(await screen.findByRole('button', { name: '重设登录 boss@tea' }));
  expect(await screen.findByText(/为别人生成、还没用的链接也作废/)).toBeTruthy();
});

it('looks again at a merchant’s page that stays open, at all of it', async () => {
  vi.useFakeTimers({ shouldAdvanceTime: true });
  try {
    const { seen } = asOperator('/merchants/m1', MERCHANT_PAGE);
    await screen.findByText('boss@tea');
    const paths = Object.keys(MERCHANT_PAGE).map((one) => one.slice(4));
    const times = (path: string) => seen.filter((one) => one.path.split('?')[0] === path).length;
    await waitFor(() => expect(Math.min(...paths.map(times))).toBe(1));
    await vi.advanceTimersByTimeAsync(31_000);
    await waitFor(() => expect(Math.min(...paths.map(times))).toBeGreaterThan(1));
  } finally {
    vi.useRealTimers();
  }
});

it('calls a suspended merchant suspended, not nearly ready', async () => {
  const suspended = { ...MERCHANT, suspended_at: '2026-11-26T00:00:00Z' };
  asOperator('/merchants/m1', {
    ...MERCHANT_PAGE,
    'GET /api/operator/v1/merchants/m1': { body: suspended },
  });
  expect(await screen.findByText('已停用')).toBeTruthy();
  expect(screen.queryByText(/60 %/)).toBeNull();
});

it('says in the tab what is open over the page, for as long as it is', async () => {
  const { person } = show('/orders/D26112900000001', {
    'GET /api/merchant/v1/session': { body: session('merchant', ['orders.read']) },
    'GET /api/merchant/v1/orders': { body: EMPTY },
    'GET /api/merchant/v1/orders/D26112900000001': [
      { status: 503, body: { code: 'unavailable', title: '忙 Busy.' } },
      { status: 503, body: { code: 'unavailable', title: '忙 Busy.' } },
      { status: 503, body: { code: 'unavailable', title: '忙 Busy.' } },
      { status: 404, body: { code: 'not_found', title: '没有 None.' } },
    ],
  });
  await waitFor(() => expect(document.title).toBe('订单 D26112900000001 · 豆娘'));
  await person.click(await screen.findByRole('button', { name: '重试' }));
  await person.click(await screen.findByRole('button', { name: '回到订单列表' }));
  await waitFor(() => expect(document.title).toBe('订单管理 · 豆娘'));
});

it('swaps a span that is typed the wrong way round, and says what is no date', async () => {
  const { person } = show('/orders?to=2026-11-01', {
    'GET /api/merchant/v1/session': { body: session('merchant', ['orders.read']) },
    'GET /api/merchant/v1/orders': { body: EMPTY },
  });
  const from = await screen.findByLabelText<HTMLInputElement>('下单日期从');
  await person.type(from, '2026-12-05{Enter}');
  await waitFor(() =>
    expect(window.location.search).toMatch(
      /from=2026-11-01.*to=2026-12-05|to=2026-12-05&from=2026-11-01/,
    ),
  );
  await person.clear(from);
  await person.type(from, '2026-13-45');
  await person.tab();
  expect(await screen.findByText('“2026-13-45”不是日期')).toBeTruthy();
});

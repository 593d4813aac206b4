/** The operator's list and notices: what is put together from several services, and what is not there. */
import { render, screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeEach, expect, it } from 'vitest';
import { makeQueries, Providers } from '../../../app';
import { answers } from '../../answers';

const OPERATOR = {
  user: { user_id: 'u', login: 'ada@ops', name: '小林', role: 'operator_admin' },
  merchant: null,
  permissions: ['merchants.read', 'merchants.write', 'notices.read', 'notices.replay'],
  expires_at: '2026-11-27T00:00:00Z',
  acting: null,
};
const STEP = {
  row: '4.1',
  state: 'failed',
  title_zh: '提交审核',
  title_en: 'Submit for review',
  remedy_zh: '审核未通过：按原因修改后再提交',
  remedy_en: 'Refused',
  at: '2026-11-26T00:00:00Z',
};
const TEA = {
  merchant_id: 'm1',
  name: '茶铺',
  handle: 'tea',
  edition: 'flagship',
  created_at: '2026-11-26T00:00:00Z',
  suspended_at: null,
  suspended_reason: '',
  namesakes: 1,
  version: 1,
  progress: { percent: 60, is_ready: false, step: STEP },
};
const COFFEE = {
  ...TEA,
  merchant_id: 'm2',
  name: '咖啡馆',
  handle: 'coffee',
  namesakes: 0,
  suspended_at: '2026-11-26T00:00:00Z',
  suspended_reason: '失联',
  progress: { percent: 100, is_ready: true, step: null },
};
const FIGURES = {
  items: [
    { merchant_id: 'm1', paid_fen: 123450, count: 3, refunded_fen: 0, last_paid_at: null },
    {
      merchant_id: 'm2',
      paid_fen: 0,
      count: 0,
      refunded_fen: 0,
      last_paid_at: '2026-11-26T04:00:00Z',
    },
  ],
  as_of: '2026-11-26T05:00:00Z',
};
const PAGE = { items: [TEA, COFFEE], total: 2, page: 1, page_size: 20 };

function show(path: string, replies: Parameters<typeof answers>[0]) {
  localStorage.setItem('damselfly.console', 'operator');
  window.history.replaceState(null, '', path);
  const seen = answers({ 'GET /api/operator/v1/session': { body: OPERATOR }, ...replies });
  render(<Providers queries={makeQueries()} />);
  return seen;
}

beforeEach(() => localStorage.setItem('damselfly.language', 'zh-CN'));

const rowOf = async (name: string) =>
  within((await screen.findByText(name)).closest('tr') as HTMLElement);

it('puts figures beside merchants, and says what is stuck, suspended or of one name', async () => {
  const seen = show('/merchants', {
    'GET /api/operator/v1/merchants': { body: PAGE },
    'GET /api/operator/v1/figures': { body: FIGURES },
  });
  const tea = await rowOf('茶铺');
  for (const text of ['¥1,234.50', '3 笔', '未通过：提交审核', '还没有收过款', '另有 1 家同名'])
    expect(tea.getByText(text)).toBeTruthy();
  expect(tea.getByRole('link').getAttribute('href')).toBe('/merchants/m1');
  const coffee = await rowOf('咖啡馆');
  expect(coffee.getByText('已停用')).toBeTruthy();
  // Whatever is set up: it takes no payments now, and is not being set up either.
  expect(coffee.queryByText('已就绪')).toBeNull();
  expect(coffee.getByText(/2026-11-26 12:00:00/)).toBeTruthy();
  const asked = seen.find(({ path }) => path.includes('/figures'))?.path ?? '';
  expect(new URL(`http://x${asked}`).searchParams.getAll('merchant_id')).toEqual(['m1', 'm2']);
});

it('shows the merchants also when nobody tells their figures', async () => {
  show('/merchants', {
    'GET /api/operator/v1/merchants': { body: PAGE },
    'GET /api/operator/v1/figures': {
      status: 503,
      body: { code: 'unavailable', title: '忙 Busy.' },
    },
  });
  const tea = await rowOf('茶铺');
  expect(tea.getAllByText('暂时取不到')).toHaveLength(2);
  expect(tea.queryByText('¥0.00')).toBeNull();
});

const NOTICE = {
  merchant_id: 'm1',
  app_id: '2021000000000001',
  notify_id: 'n1',
  kind: 'paid',
  out_trade_no: 'OUT1',
  trade_no: 'T1',
  total_fen: 100,
  verdict: 'DUPLICATE',
  reason: 'settled_before',
  received_at: '2026-11-26T04:00:00Z',
  deliveries: 1,
  last_received_at: null,
  last_reason: null,
  asked_at: null,
  query_said: null,
};

it('names the merchant of a notice, and offers nothing where all is well', async () => {
  const odd = { ...NOTICE, notify_id: 'n2', out_trade_no: 'OUT2', verdict: 'MISMATCH' };
  show('/notices', {
    'GET /api/operator/v1/notices': {
      body: { items: [NOTICE, { ...odd, reason: 'quite_new_reason' }], next: null },
    },
    'GET /api/operator/v1/merchants': { body: PAGE },
    'GET /api/operator/v1/notices/m1/2021000000000001/n1': {
      body: { ...NOTICE, seller_id: null, fields: { trade_status: 'TRADE_SUCCESS' }, replays: [] },
    },
  });
  const healthy = within((await screen.findByText('OUT1')).closest('tr') as HTMLElement);
  for (const text of ['茶铺', '与账目一致', '到达前已入账'])
    expect(healthy.getByText(text)).toBeTruthy();
  expect(healthy.queryByRole('button', { name: /再处理一次/ })).toBeNull();
  expect(screen.queryByText('重复')).toBeNull();
  const other = within(screen.getByText('OUT2').closest('tr') as HTMLElement);
  expect(other.getByText('其他原因')).toBeTruthy();
  expect(screen.queryByText(/quite_new_reason/)).toBeNull();
  expect(other.getByRole('button', { name: '再处理一次 OUT2' })).toBeTruthy();
  await userEvent.click(healthy.getByRole('button', { name: '详情 OUT1' }));
  expect(await screen.findByText('trade_status')).toBeTruthy();
  expect(screen.getByRole('link', { name: '茶铺' }).getAttribute('href')).toBe('/merchants/m1');
});

const OWNER = {
  user_id: 'o1',
  login: 'owner@coffee',
  is_enabled: true,
  has_password: true,
  has_second_factor: false,
  link_until: '2099-11-27T00:00:00Z',
  limited_until: null,
};
const DETAIL = { stores: 0, staff: 1, apps: 0, support_contact: '', dual_control: false };

function showOne(merchant: object) {
  return show('/merchants/m2', {
    'GET /api/operator/v1/merchants/m2': { body: { ...COFFEE, ...DETAIL, ...merchant } },
    'GET /api/operator/v1/merchants/m2/owners': { body: { items: [OWNER] } },
    'GET /api/operator/v1/merchants/m2/stores': { body: { ...PAGE, items: [], total: 0 } },
    'GET /api/operator/v1/devices': { body: { ...PAGE, items: [], total: 0 } },
    'GET /api/operator/v1/figures': { body: FIGURES },
  });
}

it('offers nobody of a suspended merchant a way in, and says why', async () => {
  showOne({});
  const card = within((await screen.findByText('owner@coffee')).closest('.card') as HTMLElement);
  expect(card.getByText('商户停用中，不能登录')).toBeTruthy();
  expect(card.getByText(/恢复商户后才能重设登录/)).toBeTruthy();
  expect(card.queryByText('可以登录')).toBeNull();
  expect(card.queryByText(/一次性链接有效至/)).toBeNull();
  expect(card.queryByText('重设登录')).toBeNull();
});

it('helps an owner of a merchant that is open', async () => {
  showOne({ suspended_at: null, suspended_reason: '' });
  const card = within((await screen.findByText('owner@coffee')).closest('.card') as HTMLElement);
  expect(card.getByText('可以登录')).toBeTruthy();
  expect(card.getByText(/一次性链接有效至/)).toBeTruthy();
  expect(card.getByText('重设登录')).toBeTruthy();
  expect(card.queryByText(/停用/)).toBeNull();
});

it.each([
  [404, 'not_found'],
  [422, 'invalid'],
])('says of an address that names no merchant (%i) that there is none', async (status, code) => {
  show('/merchants/zzz', {
    'GET /api/operator/v1/merchants/zzz': { status, body: { code, title: '有内容需要修改 Fix.' } },
  });
  expect(await screen.findByText('没有找到')).toBeTruthy();
  expect(screen.queryByText('重试')).toBeNull();
  expect(screen.queryByText(/有内容需要修改/)).toBeNull();
});

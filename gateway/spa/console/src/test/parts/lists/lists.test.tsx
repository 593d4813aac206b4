/** Lists as a person meets them: filters that mean nothing, pages that are not there, columns, files. */
import { act, render, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeEach, expect, it, vi } from 'vitest';
import { makeQueries, Providers } from '../../../app';
import { answers } from '../../answers';

const OWNER = {
  user: { user_id: 'u', login: 'owner@demo', name: '李雷', role: 'merchant_owner' },
  merchant: { merchant_id: 'm', name: '豆娘演示商户', created_at: '2026-11-26T00:00:00Z' },
  permissions: [
    'orders.read',
    'payments.read',
    'stores.read',
    'stores.write',
    'devices.read',
    'devices.write',
  ],
  expires_at: '2026-11-27T00:00:00Z',
};
const ORDERED_AT = '2026-11-28T14:00:00Z';
const EMPTY = { items: [], total: 0, page: 1, page_size: 20, next: null, previous: null };
const DEVICE = { device_id: 'd-1', sn: '00012345', store_id: 's-1' };

function order(place: number, more: object = {}) {
  return {
    order_id: `o-${place}`,
    order_no: `D261128${String(place).padStart(8, '0')}`,
    order_type: 'face_pay',
    sub_type: 'alipay_face',
    order_state: 'completed',
    pay_state: 'paid',
    pay_method: 'online',
    channel: 'alipay',
    stored_value_fen: 0,
    total_fen: 1234,
    payable_fen: 1234,
    refunded_fen: 0,
    net_fen: 1234,
    is_late: false,
    needs_check: false,
    store_id: 's-1',
    store_name: '人民路店',
    device_id: 'd-1',
    payment_id: `p-${place}`,
    out_trade_no: `2026112814000000000000000000${String(place).padStart(4, '0')}`,
    trade_no: `20261128220000000000000${String(place).padStart(5, '0')}`,
    buyer_logon_id: null,
    receiver: null,
    receiver_phone: null,
    subject: '拿铁',
    source_terminal: 'device',
    ordered_at: ORDERED_AT,
    paid_at: '2026-11-28T14:00:02Z',
    closed_at: null,
    ...more,
  };
}

type Replies = Parameters<typeof answers>[0];

function show(path: string, replies: Replies) {
  const seen = answers({
    'GET /api/merchant/v1/session': { body: OWNER },
    'GET /api/merchant/v1/stores': { body: { ...EMPTY, next: undefined } },
    'GET /api/merchant/v1/devices': { body: { items: [DEVICE], total: 1 } },
    ...replies,
  });
  window.history.replaceState(null, '', path);
  render(<Providers queries={makeQueries()} />);
  return seen;
}

const LIST = 'GET /api/merchant/v1/orders';
/** What was asked, but for news since the row on top: on a busy machine that comes in between. */
const asked = (seen: ReturnType<typeof answers>) =>
  seen
    .filter((one) => /^\/api\/merchant\/v1\/orders(\?|$)/.test(one.path))
    .map((one) => Object.fromEntries(new URL(`http://x${one.path}`).searchParams))
    .filter((one) => one.from !== ORDERED_AT);
const listed = (rows: object[], more: object = {}) => ({
  body: { ...EMPTY, items: rows, total: rows.length, ...more },
});

beforeEach(() => localStorage.setItem('damselfly.language', 'zh-CN'));

it('turns a span that ends before it begins', async () => {
  const seen = show('/orders?from=2026-11-28&to=2026-11-20', { [LIST]: listed([order(1)]) });
  expect(await screen.findByText('D26112800000001')).toBeTruthy();
  expect(asked(seen)[0]).toMatchObject({
    from: '2026-11-19T16:00:00.000Z',
    to: '2026-11-28T16:00:00.000Z',
  });
});

it('shows the last page when the address names one that is not there', async () => {
  const seen = show('/orders?page=99', {
    [LIST]: (one) => {
      const page = new URL(`http://x${one.path}`).searchParams.get('page');
      return { body: { ...EMPTY, items: page === '3' ? [order(41)] : [], total: 41 } };
    },
  });
  expect(await screen.findByText('D26112800000041')).toBeTruthy();
  expect(asked(seen).map((one) => one.page)).toEqual(['99', '3']);
  expect(window.location.search).toBe('?page=3');
  expect(screen.getByText('第 41–41 条，共 41 条')).toBeTruthy();
});

it('does not ask for a value that means nothing, and says so', async () => {
  const seen = show('/orders?pay_state=maybe&from=0002-01-01&store_id=7', {
    [LIST]: listed([order(1)]),
  });
  expect(await screen.findByText('D26112800000001')).toBeTruthy();
  expect(asked(seen)[0]).toEqual({ page: '1', page_size: '20' });
  const note = screen.getByText(/认不出/).textContent;
  for (const label of ['支付状态', '下单日期从', '门店']) expect(note).toContain(label);
  await userEvent.setup().click(screen.getByRole('button', { name: '清空筛选' }));
  expect(window.location.search).toBe('');
});

it('asks nobody for a number in Chinese, and keeps the search where it was', async () => {
  const seen = show('/orders', { [LIST]: listed([order(1)]) });
  await screen.findByText('D26112800000001');
  const person = userEvent.setup();
  await person.type(screen.getByLabelText('订单号 / 商户订单号 / 交易号'), '人民路{Enter}');
  expect(await screen.findByText('没有符合条件的记录')).toBeTruthy();
  expect(screen.getByText(/字母和数字/)).toBeTruthy();
  expect(asked(seen).some((one) => one.q !== undefined)).toBe(false);
  const box = screen.getByLabelText('订单号 / 商户订单号 / 交易号');
  await person.clear(box);
  await person.type(screen.getByLabelText('订单号 / 商户订单号 / 交易号'), '0001{Enter}');
  expect(await screen.findByText('D26112800000001')).toBeTruthy();
  expect(asked(seen).at(-1)?.q).toBe('0001');
});

it('keeps the filters also when the door refuses them', async () => {
  show('/orders?cursor=made-up&pay_state=paid', {
    [LIST]: (one) =>
      one.path.includes('pay_state')
        ? { status: 422, body: { code: 'invalid_body', title: '不符合要求 Not valid.' } }
        : listed([order(1)]),
  });
  expect(await screen.findByText('没有符合条件的记录')).toBeTruthy();
  expect(screen.getByLabelText('订单号 / 商户订单号 / 交易号')).toBeTruthy();
  await userEvent
    .setup()
    .click(screen.getAllByRole('button', { name: '清空筛选' })[0] as HTMLElement);
  expect(await screen.findByText('D26112800000001')).toBeTruthy();
});

it('takes a day that is typed, and puts crossed ends of the span the right way round', async () => {
  const seen = show('/orders?to=2026-11-20', { [LIST]: listed([order(1)]) });
  const person = userEvent.setup();
  const box = await screen.findByLabelText('下单日期从');
  await person.type(box, '2026-11-2');
  expect(asked(seen).every((one) => one.from === undefined)).toBe(true);
  await person.type(box, '5{Enter}');
  await waitFor(() =>
    expect(asked(seen).at(-1)).toMatchObject({
      from: '2026-11-19T16:00:00.000Z',
      to: '2026-11-25T16:00:00.000Z',
    }),
  );
});

it('has the usual days in one click', async () => {
  const seen = show('/orders', { [LIST]: listed([order(1)]) });
  await userEvent.setup().click(await screen.findByRole('button', { name: '昨天' }));
  await waitFor(() => expect(asked(seen).at(-1)?.from).toBeTruthy());
  const { from, to } = asked(seen).at(-1) ?? {};
  expect(Date.parse(to ?? '') - Date.parse(from ?? '')).toBe(24 * 3600 * 1000);
  expect(screen.getByRole('button', { name: '昨天' }).getAttribute('aria-pressed')).toBe('true');
});

it('goes from page to page by what the answers say', async () => {
  const seen = show('/orders', {
    [LIST]: (one) => {
      const { searchParams } = new URL(`http://x${one.path}`);
      if (searchParams.get('after') === 'c-1')
        return listed([order(2)], { total: 40, previous: 'b-1' });
      return listed([order(1)], { total: 40, next: 'c-1' });
    },
  });
  const person = userEvent.setup();
  await screen.findByText('D26112800000001');
  await person.click(screen.getByRole('button', { name: '下一页' }));
  expect(await screen.findByText('D26112800000002')).toBeTruthy();
  expect(asked(seen).at(-1)).toMatchObject({ after: 'c-1', page: '2' });
  expect(screen.getByRole('button', { name: '下一页' })).toHaveProperty('disabled', true);
  await person.click(screen.getByRole('button', { name: '上一页' }));
  expect(await screen.findByText('D26112800000001')).toBeTruthy();
  expect(window.location.search).toBe('');
});

it('shows what comes in without being asked', async () => {
  vi.useFakeTimers({ shouldAdvanceTime: true });
  const rows = [order(1)];
  show('/orders', { [LIST]: () => listed([...rows]) });
  await screen.findByText('D26112800000001');
  rows.unshift(order(2));
  await act(() => vi.advanceTimersByTimeAsync(6_000));
  // Long before the whole page is asked for again.
  await waitFor(() => screen.getByText('D26112800000002'), { timeout: 9_000 });
  expect(screen.getByText('新到 1 条')).toBeTruthy();
  vi.useRealTimers();
});

it.each([
  ['a list', LIST],
  ['the session', 'GET /api/merchant/v1/session'],
])('says that it takes long, when %s is not answered', async (_, door) => {
  vi.useFakeTimers({ shouldAdvanceTime: true });
  const seen = show('/orders', { [door]: () => new Promise(() => undefined) });
  await waitFor(() => expect(seen.map((one) => `GET ${one.path.split('?')[0]}`)).toContain(door));
  await act(() => vi.advanceTimersByTimeAsync(3_000));
  expect(screen.queryByText(/比平时慢/)).toBeNull();
  await act(() => vi.advanceTimersByTimeAsync(6_000));
  expect(await screen.findByText(/比平时慢/)).toBeTruthy();
});

it('shows the columns that a person chose, also next time', async () => {
  const seen = show('/orders', { [LIST]: listed([order(1)]) });
  const person = userEvent.setup();
  const fleet = () => seen.filter((one) => one.path.startsWith('/api/merchant/v1/devices'));
  const heads = () => screen.getAllByRole('columnheader').map((one) => one.textContent);
  await screen.findByText('D26112800000001');
  expect(heads()).toEqual(['时间 (UTC+8)', '金额', '状态', '门店', '方式', '订单号', '操作']);
  await person.click(screen.getByRole('button', { name: '选择列' }));
  const choice = within(await screen.findByRole('group', { name: '选择列' }));
  expect(fleet(), 'no fleet is loaded for a column that nobody shows').toEqual([]);
  await person.click(choice.getByRole('checkbox', { name: '设备' }));
  await person.click(choice.getByRole('checkbox', { name: '方式' }));
  expect(heads()).toEqual(['时间 (UTC+8)', '金额', '状态', '门店', '订单号', '设备', '操作']);
  expect(await screen.findByText('00012345')).toBeTruthy();
  expect(fleet()).toHaveLength(1);
  expect(JSON.parse(localStorage.getItem('damselfly.columns.orders') ?? '')).toContain('device');
  await person.click(choice.getByRole('button', { name: '恢复默认' }));
  expect(heads()).toContain('方式');
});

it('exports every order once, with what reconciling needs, while new ones come', async () => {
  const files: Blob[] = [];
  const names: string[] = [];
  vi.spyOn(URL, 'createObjectURL').mockImplementation((file) => {
    files.push(file as Blob);
    return 'blob:x';
  });
  vi.spyOn(HTMLAnchorElement.prototype, 'click').mockImplementation(function (
    this: HTMLAnchorElement,
  ) {
    names.push(this.download);
  });
  const refunded = { pay_state: 'partially_refunded', refunded_fen: 234, net_fen: 1000 };
  const parts: Record<string, object> = {
    '': listed([order(3), order(2, refunded)], { total: 3, next: 'c-1' }),
    'c-1': listed([order(1, { paid_at: null })], { total: 4 }),
  };
  show('/orders', {
    [LIST]: (one) => parts[new URL(`http://x${one.path}`).searchParams.get('after') ?? ''] ?? {},
  });
  await screen.findByText('D26112800000003');
  await userEvent.setup().click(screen.getByRole('button', { name: /导出/ }));
  expect(await screen.findByText('已导出 3 条')).toBeTruthy();
  expect(names[0]).toMatch(/^订单管理_\d{4}-\d{2}-\d{2}_\d{4}\.csv$/);
  const lines = ((await files[0]?.text()) ?? '').replace('\ufeff', '').trim().split('\r\n');
  const cells = lines.map((line) => line.split(','));
  const [heads, ...rows] = cells;
  const column = (title: string) => rows.map((row) => row[heads?.indexOf(title) ?? -1]);
  expect(column('订单号')).toEqual(['D26112800000003', 'D26112800000002', 'D26112800000001']);
  expect(column('支付宝交易号')[0]).toBe('2026112822000000000000000003\t');
  expect(column('商户订单号')[0]).toBe('20261128140000000000000000000003\t');
  expect(column('支付时间')).toEqual(['2026-11-28 22:00:02', '2026-11-28 22:00:02', '']);
  expect(column('金额')[1]).toBe('12.34');
  expect(column('已退款')[1]).toBe('2.34');
  expect(column('实收金额')[1]).toBe('10.00');
  expect(column('设备')[0]).toBe('00012345\t');
  expect(column('门店')[0]).toBe('人民路店');
  vi.restoreAllMocks();
});

it('says that an order is unknown, and leads back', async () => {
  show('/orders/D99999999999999?pay_state=paid', {
    [LIST]: listed([order(1)]),
    'GET /api/merchant/v1/orders/D99999999999999': {
      status: 404,
      body: { code: 'not_found', title: '没有 None.' },
    },
  });
  expect(await screen.findByText('没有这笔订单')).toBeTruthy();
  await userEvent.setup().click(screen.getByRole('button', { name: '回到订单列表' }));
  expect(window.location.pathname + window.location.search).toBe('/orders?pay_state=paid');
});

it('knows more than a hundred stores', async () => {
  const stores = Array.from({ length: 130 }, (_, place) => ({
    store_id: `s-${place}`,
    name: `第 ${place} 店`,
  }));
  show('/orders', {
    [LIST]: listed([order(1)]),
    'GET /api/merchant/v1/stores': (one) => {
      const page = Number(new URL(`http://x${one.path}`).searchParams.get('page'));
      return { body: { items: stores.slice((page - 1) * 100, page * 100), total: 130 } };
    },
  });
  const person = userEvent.setup();
  await person.type(await screen.findByRole('combobox', { name: '切换门店' }), '129');
  await person.click(await screen.findByTitle('第 129 店'));
  expect(localStorage.getItem('damselfly.store')).toBe('s-129');
});

const STORE = { store_id: 's-1', name: '人民路店' };
const HAS_STORE = {
  'GET /api/merchant/v1/stores': { body: { items: [STORE], total: 1 } },
  'GET /api/merchant/v1/devices/codes': { body: { items: [] } },
};

it('opens the dialog that an address asks for, with the first store chosen, once', async () => {
  show('/devices?new=1', HAS_STORE);
  const title = await screen.findByText('激活码用于哪家门店？');
  const dialog = within(title.closest('.ant-modal') as HTMLElement);
  // Its text stands twice as soon as the field has the cursor: once for who listens.
  expect(dialog.getByTitle('人民路店')).toBeTruthy();
  expect(window.location.search).toBe('');
});

it('leads to the first store from where a code would be made', async () => {
  show('/devices?new=1', { ...HAS_STORE, 'GET /api/merchant/v1/stores': { body: EMPTY } });
  await userEvent.setup().click(await screen.findByRole('link', { name: '去建门店' }));
  expect(window.location.pathname).toBe('/stores');
  expect(await screen.findByLabelText('门店名称')).toBeTruthy();
  expect(window.location.search).toBe('');
});

it('home: devices that say nothing and refunds without a result lead to their lists', async () => {
  const seen = show('/', {
    ...HAS_STORE,
    'GET /api/merchant/v1/devices': { body: { items: [DEVICE], total: 2 } },
    'GET /api/merchant/v1/refunds': (one) => ({
      body: { items: one.path.includes('state=unknown') ? [{}] : [], next: null, previous: null },
    }),
  });
  const watch = within(await screen.findByRole('region', { name: '需要留意' }));
  expect(
    (await watch.findByRole('link', { name: '1 笔退款还没有结果' })).getAttribute('href'),
  ).toBe('/orders/refunds?state=unknown');
  await userEvent
    .setup()
    .click(await watch.findByRole('link', { name: '2 台设备超过 24 小时没有联系平台' }));
  expect(window.location.search).toBe('?status=active&unseen=24h');
  await waitFor(() => {
    const last = seen.filter((one) => one.path.startsWith('/api/merchant/v1/devices?')).at(-1);
    const query = new URL(`http://x${last?.path}`).searchParams;
    expect(query.get('page')).toBe('1');
    const age = Date.now() - Date.parse(query.get('unseen_since') ?? '');
    expect(Math.round(age / 3_600_000)).toBe(24);
  });
});

it('home: net sums, yesterday by this time, what failed, and the orders behind it', async () => {
  const totals = { paid_fen: 0, count: 0, refunded_fen: 0, failed_count: 0 };
  const day = { date: '2026-11-28', paid_fen: 5000, refunded_fen: 1000, count: 3 };
  show('/', {
    [LIST]: listed([order(1)]),
    'GET /api/merchant/v1/dashboard': {
      body: {
        today: { paid_fen: 5000, count: 3, refunded_fen: 1000, failed_count: 1 },
        yesterday: totals,
        yesterday_by_now_fen: 4000,
        week: [day],
        by_store: [{ store_id: 's-1', store_name: '人民路店', ...day }],
        unknown_count: 0,
        as_of: '2026-11-28T14:00:00Z',
      },
    },
  });
  const today = within(await screen.findByRole('region', { name: '今日实收' }));
  expect(today.getByText('¥40.00')).toBeTruthy();
  const note = today.getByText('退款 ¥10.00').closest('p')?.textContent;
  expect(note).toBe('3 笔 · 笔均 ¥16.67 · 收款 ¥50.00 · 退款 ¥10.00与昨日此时持平');
  const found = within(screen.getByRole('region', { name: '今日支付成功率' }));
  expect(found.getByText('75 %')).toBeTruthy();
  expect(await screen.findByText('¥12.34')).toBeTruthy();
  await userEvent.setup().click(today.getByRole('link', { name: '今日实收' }));
  expect(window.location.pathname).toBe('/orders');
  expect(window.location.search).toMatch(/^\?from=(\d{4}-\d{2}-\d{2})&to=\1$/);
});

it('says of a list that is too long for one file that there is none', async () => {
  show('/stores', {
    'GET /api/merchant/v1/stores': {
      body: { items: [{ store_id: 's', name: '一店' }], total: 10_001, page: 1, page_size: 20 },
    },
  });
  // What is not there yet is not exported.
  await screen.findByText('一店');
  await userEvent.setup().click(screen.getByRole('button', { name: /导出/ }));
  const told = await screen.findByText('一次最多导出 10000 条，请缩小时间范围');
  expect(told.closest('.ant-notification-notice-warning')).toBeTruthy();
});

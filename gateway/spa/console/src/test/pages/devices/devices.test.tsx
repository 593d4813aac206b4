/** A device's enrolment code: what became of it is what the platform says, and nothing else. */
import { render, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeEach, expect, it } from 'vitest';
import { makeQueries, Providers } from '../../../app';
import { chooseLanguage } from '../../../texts';
import { answers } from '../../answers';

const CODES = '/api/merchant/v1/devices/codes';
const OWNER = {
  user: { user_id: 'u', login: 'owner@demo', name: '李雷', role: 'merchant_owner' },
  merchant: { merchant_id: 'm', name: '豆娘演示商户', created_at: '2026-11-26T00:00:00Z' },
  permissions: ['devices.read', 'devices.write', 'stores.read'],
  expires_at: '2026-11-27T00:00:00Z',
};
const EMPTY = { items: [], total: 0, page: 1, page_size: 20 };
const STORE = { store_id: 's', name: '南山店', version: 1, created_at: '2026-11-26T00:00:00Z' };
const UNTIL = new Date(Date.now() + 600_000).toISOString();
const MADE = { code_id: 'c', code: 'ABCD-EFGH-JKMN-PQRS', expires_at: UNTIL };
const DEVICE = { device_id: 'd', sn: 'QCF4000001', name: null, status: 'active' };
const BUSY = { status: 429, body: { code: 'rate.limited', title: '太快 Too fast.' } };
const became = (state: string, device: object | null = null) => ({
  body: { code_id: 'c', state, device, expires_at: UNTIL },
});

async function inDialog(replies: Parameters<typeof answers>[0]) {
  const seen = answers({
    'GET /api/merchant/v1/session': { body: OWNER },
    'GET /api/merchant/v1/stores': { body: { ...EMPTY, items: [STORE], total: 1 } },
    'GET /api/merchant/v1/devices': { body: EMPTY },
    [`GET ${CODES}`]: { body: { items: [] } },
    [`POST ${CODES}`]: { status: 201, body: MADE },
    ...replies,
  });
  window.history.replaceState(null, '', '/devices');
  render(<Providers queries={makeQueries()} />);
  const person = userEvent.setup();
  const [open] = await screen.findAllByText('生成激活码', { selector: 'button span' });
  await person.click(open as HTMLElement);
  const title = await screen.findByText('生成激活码', { selector: '.ant-modal-title' });
  return { seen, person, dialog: within(title.closest('.ant-modal') as HTMLElement) };
}

async function withCode(replies: Parameters<typeof answers>[0]) {
  const { seen, person, dialog } = await inDialog(replies);
  await dialog.findByTitle('南山店');
  const make = dialog.getByText('生成激活码', { selector: 'button span' });
  await person.click(make.closest('button') as HTMLElement);
  await dialog.findByText('ABCD-EFGH-JKMN-PQRS');
  return { seen, person, dialog };
}

beforeEach(() => chooseLanguage('zh-CN'));

it('preselects the first store also in a dialog that was open before the stores were there', async () => {
  let tell = (_: object) => {};
  const stores = new Promise<object>((resolve) => {
    tell = resolve;
  });
  const { seen, person, dialog } = await inDialog({ 'GET /api/merchant/v1/stores': () => stores });
  const make = dialog.getByText('生成激活码', { selector: 'button span' });
  expect(dialog.queryByTitle('南山店')).toBeNull();
  tell({ body: { ...EMPTY, items: [STORE], total: 1 } });
  expect(await dialog.findByTitle('南山店')).toBeTruthy();
  await person.click(make.closest('button') as HTMLElement);
  await dialog.findByText('ABCD-EFGH-JKMN-PQRS');
  expect(seen.find((one) => one.method === 'POST')?.body).toEqual({ store_id: 's' });
});

it('waits, although a list that is older than the code does not have it', async () => {
  const { dialog } = await withCode({
    [`GET ${CODES}`]: [{ body: { items: [] } }, BUSY],
    [`GET ${CODES}/c`]: BUSY,
  });
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(dialog.queryByText(/设备已激活/)).toBeNull();
  expect(dialog.getByText('正在等待设备激活…')).toBeTruthy();
});

it.each([
  ['revoked', '激活码已作废，请重新生成；商户停用期间请联系服务商'],
  ['spoilt', '激活码错误次数过多，请重新生成'],
  ['ended', '生成激活码的人已停用、换了角色或换了密码，请重新生成'],
  ['expired', '激活码已过期，请重新生成'],
])('says of a code that is %s what became of it', async (state, told) => {
  const { dialog } = await withCode({ [`GET ${CODES}/c`]: became(state) });
  expect(await dialog.findByText(told)).toBeTruthy();
  expect(dialog.queryByText(/设备已激活/)).toBeNull();
});

it('says which device it made', async () => {
  const { dialog } = await withCode({ [`GET ${CODES}/c`]: became('used', DEVICE) });
  expect(await dialog.findByText('设备已激活，可以收款了。')).toBeTruthy();
  expect(dialog.getByText('QCF4000001')).toBeTruthy();
});

it('asks before a code is thrown away that a device still waits for, and no longer', async () => {
  let now = became('open');
  const { person, dialog } = await withCode({ [`GET ${CODES}/c`]: () => now });
  const close = () => dialog.getByLabelText('关闭', { selector: 'button' });
  await person.click(close());
  await screen.findAllByText('还没有保存好就离开吗？');
  await person.click(await screen.findByText('回去保存', { selector: 'button span' }));
  expect(dialog.getByText('ABCD-EFGH-JKMN-PQRS')).toBeTruthy();
  now = became('used', DEVICE);
  await dialog.findByText('设备已激活，可以收款了。');
  await person.click(close());
  const shown = screen.getByText('ABCD-EFGH-JKMN-PQRS');
  await waitFor(() => expect(shown.closest('.ant-modal')?.className).toMatch(/leave/));
});

it('offers nothing to do with a device that was stopped', async () => {
  const at = '2026-11-26T00:00:00Z';
  const row = { ...DEVICE, kind: 'terminal', model: null, store_id: 's', store_name: '南山店' };
  const both = [
    { ...row, enrolled_at: at, revoked_at: null, last_seen_at: null, version: 1 },
    {
      ...row,
      ...{ device_id: 'e', sn: 'QCF4000002', status: 'revoked', revoked_at: at },
      ...{ enrolled_at: at, last_seen_at: null, version: 1 },
    },
  ];
  answers({
    'GET /api/merchant/v1/session': { body: OWNER },
    'GET /api/merchant/v1/stores': { body: { ...EMPTY, items: [STORE], total: 1 } },
    'GET /api/merchant/v1/devices': { body: { ...EMPTY, items: both, total: 2 } },
    [`GET ${CODES}`]: { body: { items: [] } },
  });
  window.history.replaceState(null, '', '/devices');
  render(<Providers queries={makeQueries()} />);
  await screen.findByText('QCF4000002');
  const acts = screen.getAllByRole('button').map((one) => one.getAttribute('aria-label') ?? '');
  expect(acts.filter((name) => name.includes('QCF4000001'))).toHaveLength(2);
  expect(acts.filter((name) => name.includes('QCF4000002'))).toHaveLength(0);
});

it('was seen no earlier than it last paid', async () => {
  const row = { ...DEVICE, kind: 'terminal', model: null, store_id: 's', store_name: '南山店' };
  const at = '2026-11-26T08:00:00Z';
  const one = { ...row, enrolled_at: at, revoked_at: null, last_seen_at: at, version: 1 };
  const paid = {
    device_id: DEVICE.device_id,
    order_no: 'D26112600000001',
    payable_fen: 1,
    paid_at: '2026-11-26T08:00:48+00:00',
  };
  answers({
    'GET /api/merchant/v1/session': {
      body: { ...OWNER, permissions: [...OWNER.permissions, 'orders.read'] },
    },
    'GET /api/merchant/v1/stores': { body: { ...EMPTY, items: [STORE], total: 1 } },
    'GET /api/merchant/v1/devices': { body: { ...EMPTY, items: [one], total: 1 } },
    'GET /api/merchant/v1/dashboard/last-payments': { body: { items: [paid] } },
    [`GET ${CODES}`]: { body: { items: [] } },
  });
  window.history.replaceState(null, '', '/devices');
  render(<Providers queries={makeQueries()} />);
  // Kept to the minute, and to the second: the cell of the one says what the other says.
  expect(await screen.findAllByText('2026-11-26 16:00:48')).toHaveLength(2);
});

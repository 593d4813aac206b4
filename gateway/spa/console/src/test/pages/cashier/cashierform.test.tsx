/** The test cashier's form: what is charged on a real app and in the sandbox, and where it cannot be. */
import { QueryClientProvider } from '@tanstack/react-query';
import { render, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { App as AntApp } from 'antd';
import type { ReactNode } from 'react';
import { MemoryRouter } from 'react-router';
import { beforeEach, expect, it, vi } from 'vitest';
import type { Session } from '../../../api/shapes';
import { makeQueries } from '../../../app';
import Cashier from '../../../pages/cashier/Cashier';
import type { Terminal } from '../../../pages/cashier/keystore';
import type { Runner } from '../../../pages/cashier/runner';
import type { PayOrder } from '../../../pages/cashier/shapes';
import { TakeForm } from '../../../pages/cashier/TakeForm';
import { SessionProvider } from '../../../session/session';
import { chooseLanguage } from '../../../texts';
import { answers } from '../../answers';

const APP = { app_id: '2021000000000001', enabled: true, created_at: '2026-11-26T00:00:00Z' };
const OLDER = { ...APP, app_id: '2021000000000002', created_at: '2026-11-25T00:00:00Z' };
const OFF = {
  ...APP,
  app_id: '2021000000000003',
  enabled: false,
  created_at: '2026-11-27T00:00:00Z',
};
const TERMINAL = { storeId: 's-1', merchantId: 'm-1' } as Terminal;
const CODE = '284776044441477959';

function inside(child: ReactNode, permissions: string[]) {
  const session = {
    user: { user_id: 'u-1', login: 'zhou', name: '周' },
    merchant: { merchant_id: 'm-1', name: '茶铺', edition: 'face_pay' },
    permissions,
  } as unknown as Session;
  render(
    <MemoryRouter>
      <AntApp>
        <QueryClientProvider client={makeQueries()}>
          <SessionProvider found={{ console: 'merchant', session }}>{child}</SessionProvider>
        </QueryClientProvider>
      </AntApp>
    </MemoryRouter>,
  );
}

function form(isSandbox: boolean, apps: object[] = [APP]) {
  const seen = answers({
    'GET /api/public/v1/about': { body: { is_sandbox: isSandbox, version: '1' } },
    'GET /api/merchant/v1/apps': { body: { items: apps } },
    'POST /api/merchant/v1/sandbox/outcome': { status: 204 },
  });
  const taken: PayOrder[] = [];
  const cleared = vi.fn();
  const runner = {
    clear: cleared,
    take: async (order: PayOrder) => {
      taken.push(order);
      return 'taken';
    },
  } as unknown as Runner;
  inside(<TakeForm terminal={TERMINAL} runner={runner} story={null} />, [
    'devices.write',
    'apps.read',
    'apps.write',
  ]);
  return { seen, taken, cleared, person: userEvent.setup() };
}

beforeEach(() => chooseLanguage('zh-CN'));

it('charges 0.01 on a real app, by the buyer’s code alone, and says why', async () => {
  const { seen, taken, person } = form(false);
  const code = await screen.findByLabelText('顾客的付款码');
  expect(screen.getByText('¥0.01（固定）')).toBeTruthy();
  expect(screen.getByText(/真钱/)).toBeTruthy();
  for (const name of ['金额（元）', '刷脸', '被拒绝'])
    expect(screen.queryByLabelText(name)).toBeNull();
  await person.type(code, '130123456789012345{Enter}');
  await screen.findByText(/微信的付款码/);
  expect(taken).toEqual([]);
  await person.clear(code);
  await person.type(code, '28 4776 0444 4147 7959{Enter}');
  await waitFor(() => expect(taken).toHaveLength(1));
  expect(taken[0]).toMatchObject({ amount_fen: 1, auth_code: CODE, store_id: 's-1' });
  expect(seen.some((one) => one.path.includes('/sandbox/'))).toBe(false);
  expect((code as HTMLInputElement).value).toBe('');
});

it('tells the sandbox how to answer before it charges, the app that sells', async () => {
  const { seen, taken, person } = form(true, [OLDER, APP, OFF]);
  const amount = await screen.findByLabelText('金额（元）');
  await person.clear(amount);
  await person.type(amount, '0');
  await person.click(screen.getByRole('button', { name: /收\s*款/ }));
  await screen.findByText(/请填 0.01 到/);
  expect(taken).toEqual([]);
  await person.clear(amount);
  // Nothing is typed: the button names no amount, least of all ¥0.00.
  await person.click(screen.getByRole('button', { name: /^收\s*款$/ }));
  await screen.findByText('请填写金额');
  await person.type(amount, '12.345');
  expect(screen.getByRole('button', { name: /^收\s*款$/ })).toBeTruthy();
  await person.tab();
  expect(await screen.findByText('最多两位小数，例如 12.34')).toBeTruthy();
  await person.clear(amount);
  await person.type(amount, '12.07');
  await person.click(screen.getByLabelText('付款码'));
  await person.click(screen.getByLabelText('被拒绝'));
  await person.click(screen.getByRole('button', { name: '收款 ¥12.07' }));
  await waitFor(() => expect(taken).toHaveLength(1));
  expect(taken[0]?.amount_fen).toBe(1207);
  expect(taken[0]?.auth_code).toMatch(/^28\d{16}$/);
  const told = seen.find((one) => one.path.endsWith('/sandbox/outcome'));
  expect(told?.body).toEqual({
    app_id: APP.app_id,
    outcome: 'refused',
    auth_code: taken[0]?.auth_code,
  });
});

it('shows the former sale no longer when another cannot even be sent', async () => {
  const { cleared, taken, person } = form(true);
  await screen.findByLabelText('金额（元）');
  answers({});
  await person.click(screen.getByRole('button', { name: '收款 ¥0.01' }));
  await waitFor(() => expect(cleared).toHaveBeenCalledTimes(1));
  expect(taken).toEqual([]);
});

it('says in the form, in the page’s words, why the sandbox was not even asked', async () => {
  const { taken, person } = form(true);
  await screen.findByLabelText('金额（元）');
  answers({
    'POST /api/merchant/v1/sandbox/outcome': {
      status: 403,
      body: { code: 'auth.forbidden', title: '没有权限 You are not allowed to do this.' },
    },
  });
  await person.click(screen.getByRole('button', { name: '收款 ¥0.01' }));
  const told = await screen.findByText('没有开始收款，未扣款。');
  expect(told.closest('.card')).toBeTruthy();
  expect(told.parentElement?.textContent).toContain('权限');
  expect(told.parentElement?.textContent).not.toMatch(/[A-Za-z]/);
  expect(document.querySelector('.ant-notification-notice')).toBeNull();
  expect(taken).toEqual([]);
});

it('leads to the keys where no app can sell', async () => {
  form(true, [OFF]);
  const link = await screen.findByRole('link', { name: '去绑定密钥' });
  expect(link.getAttribute('href')).toBe('/miniprogram');
  expect(screen.getByRole<HTMLButtonElement>('button', { name: /收款/ }).disabled).toBe(true);
});

it('says under which address it works where the browser has no keys to give', async () => {
  answers({});
  vi.stubGlobal('isSecureContext', false);
  inside(<Cashier />, ['devices.write']);
  expect(await screen.findByText('在这个地址不能使用测试收银台')).toBeTruthy();
  expect(screen.getByText(/http:\/\/localhost:\d+\/cashier/)).toBeTruthy();
});

it('is for whoever may enrol devices', async () => {
  answers({});
  inside(<Cashier />, ['devices.read']);
  expect(await screen.findByText('您没有这项权限')).toBeTruthy();
  expect(screen.queryByRole('button')).toBeNull();
});

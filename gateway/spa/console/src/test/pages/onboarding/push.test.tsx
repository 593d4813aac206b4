/** A push that waits for a device, or of which nothing is known; and maps that are late. */
import { cleanup, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeEach, expect, it } from 'vitest';
import { mapOf, ROW, show } from './wizard';

const ABOUT = 'GET /api/public/v1/about';
const PAGE = 'http://127.0.0.1:9/';
const APP_ID = '2021000000000077';
beforeEach(() => localStorage.setItem('damselfly.language', 'zh-CN'));

it('sends to the sandbox, and not to the real Alipay, for a push of which nothing is known', async () => {
  const real = '到开放平台 服务分发 中查看这些设备';
  const row = { ...ROW, code: 'pushed', kind: 'auto', state: 'failed', remedy: 'push_unknown' };
  const map = mapOf([{ ...row, remedy_zh: real } as never], { app_id: APP_ID });
  show({
    'GET /api/merchant/v1/onboarding': { ...map, next_row: '1.1' },
    [ABOUT]: { version: '0', is_sandbox: true, sandbox_page: PAGE },
  });
  expect(await screen.findByText(/在「设备」中查看这些设备：已下发的不用再下发/)).toBeTruthy();
  expect(screen.queryByText(real)).toBeNull();
});

it('opens a push again that Alipay took and no device installed, unless it may not', async () => {
  const row = { ...ROW, row: '4.1', code: 'pushed', kind: 'auto', can_mark: false };
  const stuck = mapOf([{ ...row, state: 'running', can_reopen: true }]);
  const seen = show(
    { 'GET /api/merchant/v1/onboarding': stuck },
    {
      'POST /api/merchant/v1/onboarding/rows/4.1/reopen': { body: mapOf([row]) },
    },
  );
  expect(await screen.findByText(/支付宝已收到这次下发/)).toBeTruthy();
  await userEvent.setup().click(screen.getByRole('button', { name: '重新下发' }));
  await waitFor(() => expect(screen.queryByText(/支付宝已收到这次下发/)).toBeNull());
  expect(seen.some((one) => one.path.endsWith('/rows/4.1/reopen'))).toBe(true);
  cleanup();
  const waiting = mapOf([{ ...row, state: 'running' }]);
  show({ 'GET /api/merchant/v1/onboarding': waiting });
  expect(await screen.findByText('进行中')).toBeTruthy();
  expect(screen.queryByRole('button', { name: '重新下发' })).toBeNull();
});

it('does not show again what was so before an action', async () => {
  let arrive: () => void = () => undefined;
  const isThere = new Promise<void>((resolve) => {
    arrive = resolve;
  });
  let asked = 0;
  const todo = mapOf([ROW]);
  show(
    {},
    {
      'GET /api/merchant/v1/onboarding': async () => {
        asked += 1;
        if (asked > 1) await isThere;
        return { body: todo };
      },
      'POST /api/merchant/v1/onboarding/rows/1.1/done': {
        body: mapOf([{ ...ROW, title_zh: '小程序已创建' }]),
      },
    },
  );
  const button = await screen.findByRole('button', { name: '标记为已完成' });
  await waitFor(() => expect(asked).toBe(2));
  await userEvent.setup().click(button);
  expect(await screen.findByRole('heading', { name: '小程序已创建' })).toBeTruthy();
  arrive();
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(screen.queryByRole('heading', { name: '创建小程序' })).toBeNull();
});

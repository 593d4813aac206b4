/** What somebody changes while a list is on its way for the first time. */
import { render, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, it } from 'vitest';
import { makeQueries, Providers } from '../../../app';
import { answers } from '../../answers';

const OWNER = {
  user: { user_id: 'u', login: 'owner@demo', name: '李雷', role: 'merchant_owner' },
  merchant: { merchant_id: 'm', name: '豆娘演示商户', created_at: '2026-11-26T00:00:00Z' },
  permissions: ['stores.read', 'devices.read', 'devices.write'],
  expires_at: '2026-11-27T00:00:00Z',
};
const DEVICE = {
  device_id: 'd-1',
  sn: '00012345',
  name: '吧台',
  store_id: 's-1',
  store_name: '一店',
  status: 'active',
  kind: 'terminal',
  version: 1,
  enrolled_at: '2026-11-26T00:00:00Z',
};

it('shows a change that was made while the list was loading', async () => {
  let status = 'active';
  let arrive: () => void = () => undefined;
  const isThere = new Promise<void>((resolve) => {
    arrive = resolve;
  });
  answers({
    'GET /api/merchant/v1/session': { body: OWNER },
    'GET /api/merchant/v1/stores': { body: { items: [], total: 0 } },
    'GET /api/merchant/v1/devices/codes': { body: { items: [] } },
    'GET /api/merchant/v1/devices': async ({ path }) => {
      const body = { items: [{ ...DEVICE, status }], total: 1 };
      // The service has answered, and the answer is on its way.
      if (path.includes('q=') && status === 'active') await isThere;
      return { body };
    },
    'POST /api/merchant/v1/devices/d-1/revoke': () => {
      status = 'revoked';
      return { body: {} };
    },
  });
  window.history.replaceState(null, '', '/devices');
  render(<Providers queries={makeQueries()} />);
  const person = userEvent.setup();
  // The whole list is there, and stays while the answer to the filter is on its way.
  await screen.findByRole('button', { name: '停用 00012345' });
  await person.type(await screen.findByLabelText('名称或设备编号'), '吧台{Enter}');
  await waitFor(() => expect(window.location.search).toBe(`?q=${encodeURIComponent('吧台')}`));
  await person.click(screen.getByRole('button', { name: '停用 00012345' }));
  await person.click(await screen.findByRole('button', { name: '停用' }));
  expect(await screen.findByText('已停用', { selector: '.tag' })).toBeTruthy();
  arrive();
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(screen.getByText('已停用', { selector: '.tag' })).toBeTruthy();
});

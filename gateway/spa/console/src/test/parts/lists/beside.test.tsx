/** What one service puts beside another's list: where it is away, the list goes on and says so. */
import { render, screen, within } from '@testing-library/react';
import { beforeEach, expect, it } from 'vitest';
import { makeQueries, Providers } from '../../../app';
import { answers } from '../../answers';

const AWAY = { status: 503, body: { code: 'unavailable', title: '忙 Busy.' } };
const AT = '2026-11-26T04:00:00Z';
const DEVICE = {
  device_id: 'd-1',
  sn: 'QCF4000001',
  name: null,
  kind: 'terminal',
  model: null,
  store_id: 's-1',
  store_name: '总店',
  status: 'active',
  enrolled_at: AT,
  revoked_at: null,
  last_seen_at: null,
  version: 1,
};
const NOTICE = {
  merchant_id: 'm1',
  app_id: '2021000000000001',
  notify_id: 'n1',
  kind: 'paid',
  out_trade_no: 'OUT1',
  trade_no: 'T1',
  total_fen: 100,
  verdict: 'APPLIED',
  reason: '',
  received_at: AT,
  deliveries: 1,
  last_received_at: null,
  last_reason: null,
  asked_at: null,
  query_said: null,
};
const REFUSAL = {
  hour: AT,
  reason: 'bad_signature',
  refused: 3,
  last_client: '203.0.113.7',
  last_out_trade_no: null,
  app_id: null,
};

function show(console: string, path: string, replies: Parameters<typeof answers>[0]) {
  const session = {
    user: { user_id: 'u', login: 'li@demo', name: '李雷', role: 'merchant_owner' },
    merchant: console === 'merchant' ? { merchant_id: 'm', name: '茶铺', created_at: AT } : null,
    permissions: ['devices.read', 'orders.read', 'merchants.read', 'notices.read'],
    expires_at: '2026-11-27T00:00:00Z',
    acting: null,
  };
  localStorage.setItem('damselfly.console', console);
  window.history.replaceState(null, '', path);
  answers({ [`GET /api/${console}/v1/session`]: { body: session }, ...replies });
  render(<Providers queries={makeQueries()} />);
}

const rowOf = async (text: string) =>
  within((await screen.findByText(text)).closest('tr') as HTMLElement);

beforeEach(() => localStorage.setItem('damselfly.language', 'zh-CN'));

const DEVICES = { 'GET /api/merchant/v1/devices': { body: { items: [DEVICE], total: 1 } } };

it('lists the devices without what they took last', async () => {
  show('merchant', '/devices', {
    ...DEVICES,
    'GET /api/merchant/v1/dashboard/last-payments': AWAY,
  });
  expect((await rowOf('QCF4000001')).getByText('暂时取不到')).toBeTruthy();
});

it('does not say so of a device that took nothing yet', async () => {
  show('merchant', '/devices', {
    ...DEVICES,
    'GET /api/merchant/v1/dashboard/last-payments': { body: { items: [] } },
  });
  expect((await rowOf('QCF4000001')).queryByText('暂时取不到')).toBeNull();
});

it('lists notices without the names of their merchants', async () => {
  show('operator', '/notices', {
    'GET /api/operator/v1/notices': { body: { items: [NOTICE], next: null } },
    'GET /api/operator/v1/merchants': AWAY,
  });
  expect((await rowOf('OUT1')).getAllByText('—').length).toBeGreaterThan(0);
});

it('lists refused notices without names, and tells them from those of nobody', async () => {
  show('operator', '/notices/refused', {
    'GET /api/operator/v1/notices/refusals': {
      body: {
        items: [
          { ...REFUSAL, merchant_id: 'm1', last_client: '203.0.113.1' },
          { ...REFUSAL, merchant_id: null, last_client: '203.0.113.2' },
        ],
      },
    },
    'GET /api/operator/v1/merchants': AWAY,
  });
  expect((await rowOf('203.0.113.1')).queryByText('不属于任何商户')).toBeNull();
  expect((await rowOf('203.0.113.2')).getByText('不属于任何商户')).toBeTruthy();
});

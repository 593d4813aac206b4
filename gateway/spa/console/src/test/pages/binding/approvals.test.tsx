/** What somebody who shall agree to a change is shown of it. */
import { render, screen, within } from '@testing-library/react';
import { beforeEach, expect, it } from 'vitest';
import { makeQueries, Providers } from '../../../app';
import { answers } from '../../answers';

const EMPTY = { items: [], total: 0, page: 1, page_size: 20 };
const asked = (kind: string, summary: object) => ({
  change_id: kind,
  kind,
  app_id: kind === 'app' ? '2021000000000001' : '',
  state: 'waiting',
  summary,
  asked_by: '01a2b3c4-0000-7000-8000-000000000001',
  asked_at: '2026-11-26T00:00:00Z',
  decided_by: null,
  decided_at: null,
  expires_at: '2026-12-03T00:00:00Z',
});

async function shown(changes: object[], permissions: string[]) {
  answers({
    'GET /api/merchant/v1/session': {
      body: {
        user: { user_id: 'u', login: 'owner@demo', name: '李雷', role: 'merchant_owner' },
        merchant: { merchant_id: 'm', name: '豆娘', created_at: '2026-11-26T00:00:00Z' },
        permissions: ['apps.read', ...permissions],
        expires_at: '2026-11-27T00:00:00Z',
      },
    },
    'GET /api/merchant/v1/stores': { body: EMPTY },
    'GET /api/merchant/v1/apps': { body: { items: [] } },
    'GET /api/merchant/v1/apps/changes': { body: { items: changes } },
  });
  window.history.replaceState(null, '', '/miniprogram');
  render(<Providers queries={makeQueries()} />);
  return within(await screen.findByRole('region', { name: '待复核的密钥变更' }));
}

/** Label -> text of the facts of each change. */
function facts(card: Awaited<ReturnType<typeof shown>>): Record<string, string | null>[] {
  return card.getAllByRole('listitem').map((item) => {
    const names = [...item.querySelectorAll('dt')];
    return Object.fromEntries(
      names.map((one) => [one.textContent, one.nextElementSibling?.textContent ?? null]),
    );
  });
}

beforeEach(() => localStorage.setItem('damselfly.language', 'zh-CN'));

it('shows the payee, the switch and which secrets a change is about', async () => {
  const card = await shown(
    [
      asked('app', {
        version: 3,
        enabled: false,
        seller_id: '2088000000000009',
        service_provider_id: '',
        mode: null,
        retire_after_h: 0,
        changes: ['app_private_key', 'certificates'],
      }),
      asked('merchant', { dual_control: false, changes: [], quite_new: 7 }),
    ],
    ['apps.write', 'apps.approve'],
  );
  expect(facts(card)).toEqual([
    {
      '开启 IoT 小程序': '关闭',
      '收款账户 PID': '2088000000000009',
      '服务商账户 PID': '清空',
      提交的密钥: '应用私钥、证书',
      '旧密钥保留（小时）': '0',
    },
    { 密钥变更需第二人复核: '关闭', quite_new: '7' },
  ]);
  const [reject] = card.getAllByRole('button', { name: /拒\s*绝/ });
  expect(reject?.hasAttribute('disabled')).toBe(false);
});

it('lets only those reject who may change bindings', async () => {
  const card = await shown([asked('merchant', { dual_control: false, changes: [] })], []);
  for (const name of [/同\s*意/, /拒\s*绝/])
    expect(card.getByRole('button', { name }).hasAttribute('disabled')).toBe(true);
});

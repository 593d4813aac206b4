/** The setup wizard, drawn from a map that a test makes. */
import { render } from '@testing-library/react';
import { makeQueries, Providers } from '../../../app';
import { answers } from '../../answers';

const OWNER = {
  user: { user_id: 'u', login: 'owner@demo', name: '李雷', role: 'merchant_owner' },
  merchant: { merchant_id: 'm', name: '豆娘演示商户', created_at: '2026-11-26T00:00:00Z' },
  permissions: ['orders.read', 'apps.read', 'stores.read', 'onboarding.write', 'onboarding.check'],
  expires_at: '2026-11-27T00:00:00Z',
};
const EMPTY = { items: [], total: 0, page: 1, page_size: 20 };
export const ROW = {
  row: '1.1',
  code: 'enterprise_account',
  kind: 'manual',
  state: 'todo',
  title_zh: '创建小程序',
  title_en: 'Create',
  help_zh: '',
  help_en: '',
  where_url: null,
  copy: [],
  form: null as object[] | null,
  can_check: false,
  can_run: false,
  can_mark: true,
  can_reopen: false,
  optional: false,
  evidence: {},
  note: null,
  reason: null as string | null,
  remedy: null,
  remedy_zh: null as string | null,
  remedy_en: null,
  remedy_row: null,
  at: null,
  by: null,
};

export function mapOf(rows: (typeof ROW)[], facts: object = {}) {
  return {
    app_id: null,
    is_ready: false,
    takes_payments: false,
    percent: 40,
    next_row: rows.find((row) => row.state === 'todo')?.row ?? null,
    steps: [{ step: 1, code: '', rows }],
    cards: [
      { code: 'account', title_zh: '账号', title_en: 'Account', rows: ['1.1'] },
      { code: 'program', title_zh: '小程序', title_en: 'Program', rows: ['4.1'] },
    ],
    ...facts,
  };
}

export function show(bodies: Record<string, object>, replies: Parameters<typeof answers>[0] = {}) {
  const seen = answers({
    'GET /api/merchant/v1/session': { body: OWNER },
    'GET /api/merchant/v1/stores': { body: EMPTY },
    ...Object.fromEntries(Object.entries(bodies).map(([door, body]) => [door, { body }])),
    ...replies,
  });
  window.history.replaceState(null, '', '/onboarding');
  render(<Providers queries={makeQueries()} />);
  return seen;
}

/** Who binds an app: the owner of a shop, and the key pair that was made for it here. */
import type { BoundApp } from '../../../api/shapes';

export const ownerWho = (...permissions: string[]) => ({
  user: { user_id: 'u', login: 'owner@demo', name: '李雷', role: 'merchant_owner' },
  merchant: { merchant_id: 'm', name: '豆娘', created_at: '2026-11-26T00:00:00Z' },
  permissions,
  expires_at: '2026-11-27T00:00:00Z',
});
export const EMPTY = { items: [], total: 0, page: 1, page_size: 20 };
export const PAIR = {
  key_pair_id: 'p',
  app_public_key: 'MIIBour',
  fingerprint: 'f'.repeat(64),
  bits: 2048,
  created_at: '2026-11-26T00:00:00Z',
  expires_at: '2026-12-03T00:00:00Z',
};

export const BOUND_APP: BoundApp = {
  app_id: '2021000000000001',
  seller_id: '2088000000000001',
  enabled: true,
  version: 3,
  notify_path: '/alipay/notify/x',
  service_provider_id: '',
  has_aes_key: false,
  has_app_auth_token: false,
  retiring: [],
  created_at: '2026-11-26T00:00:00Z',
  updated_at: '2026-11-26T00:00:00Z',
  updated_by: 'owner@demo',
  key: {
    key_version: 1,
    mode: 'key',
    certificates: null,
    fingerprint: 'SHA256:aa',
    bits: 2048,
    app_public_key: 'APP',
    alipay_public_key: 'ALIPAY',
    created_at: '2026-11-26T00:00:00Z',
    last_used_at: null,
    verified_at: '2026-11-26T00:00:00Z',
  },
  live_check: {
    state: 'verified',
    checked_at: null,
    remedy: null,
    remedy_zh: null,
    remedy_en: null,
  },
  in_use: null,
};

/** Who binds an app: the owner of a shop, and the key pair that was made for it here. */

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

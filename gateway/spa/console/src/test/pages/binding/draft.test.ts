/** The binding form: what it sends, and that nothing secret is ever filled in. */
import { expect, it } from 'vitest';
import { differences } from '../../../pages/binding/Conflict';
import { changeOf, draftOf } from '../../../pages/binding/draft';
import { BOUND_APP as APP } from './binder';

const PAIR = {
  key_pair_id: 'pair-1',
  app_public_key: 'NEW',
  fingerprint: 'SHA256:bb',
  bits: 2048,
  created_at: '2026-11-26T00:00:00Z',
  expires_at: '2026-11-26T01:00:00Z',
};

it('S34: fills in no secret', () => {
  const { app_private_key, aes_key, app_auth_token } = draftOf(APP);
  expect([app_private_key, aes_key, app_auth_token]).toEqual(['', '', '']);
});

it('leaves out what was not changed', () => {
  expect(changeOf({ ...draftOf(APP), enabled: false }, APP, null)).toEqual({
    app_id: APP.app_id,
    seller_id: APP.seller_id,
    enabled: false,
    version: 3,
  });
});

it('sends one key source only', () => {
  const both = { ...draftOf(APP), app_private_key: 'PASTED', alipay_public_key: 'OTHER' };
  const generated = changeOf({ ...both, source: 'generate' }, APP, PAIR);
  expect([generated.key_pair_id, generated.app_private_key]).toEqual(['pair-1', undefined]);
  const pasted = changeOf({ ...both, source: 'paste' }, APP, PAIR);
  expect([pasted.key_pair_id, pasted.app_private_key]).toEqual([undefined, 'PASTED']);
  expect(pasted.alipay_public_key).toBe('OTHER');
  expect(changeOf({ ...both, source: 'keep' }, APP, PAIR).app_private_key).toBeUndefined();
});

it('says in certificate mode that it is one', () => {
  const change = changeOf({ ...draftOf(null), mode: 'cert', app_cert: 'PEM' }, null, null);
  expect(change).toMatchObject({ mode: 'cert', app_cert: 'PEM', version: 0 });
  expect(change.alipay_public_key).toBeUndefined();
});

it('shows who changed what when two pages were open', () => {
  const now = { ...APP, enabled: false, version: 4, key: { ...APP.key, fingerprint: 'SHA256:cc' } };
  const words = { on: '开启', off: '关闭', enabled: '开关', fingerprint: '应用私钥' };
  expect(differences(APP, now, words)).toEqual([
    ['开关', '开启', '关闭'],
    ['应用私钥', 'SHA256:aa', 'SHA256:cc'],
  ]);
});

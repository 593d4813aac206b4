/** The values of the binding form, and the change made of them. Secrets are sent and never
 * returned. */
import type { AppChange, BoundApp, KeyPair } from '../../api/shapes';
import type { T, TextKey } from '../../texts';

export type KeySource = 'keep' | 'generate' | 'paste';

export interface Draft {
  enabled: boolean;
  app_id: string;
  seller_id: string;
  mode: 'key' | 'cert';
  source: KeySource;
  app_private_key: string;
  alipay_public_key: string;
  app_cert: string;
  alipay_cert: string;
  alipay_root_cert: string;
  aes_key: string;
  app_auth_token: string;
}

/** The form for a bound app, or an empty one. No secret is ever filled in. */
export function draftOf(app: BoundApp | null): Draft {
  return {
    enabled: app?.enabled ?? true,
    app_id: app?.app_id ?? '',
    seller_id: app?.seller_id ?? '',
    mode: app?.key.mode ?? 'key',
    source: app ? 'keep' : 'generate',
    app_private_key: '',
    alipay_public_key: app?.key.alipay_public_key ?? '',
    app_cert: '',
    alipay_cert: '',
    alipay_root_cert: '',
    aes_key: '',
    app_auth_token: '',
  };
}

const WHEN_GIVEN = ['aes_key', 'app_auth_token'] as const;
const CERTIFICATES = ['app_cert', 'alipay_cert', 'alipay_root_cert'] as const;

/** Only the changed members: a key that is not given stays unchanged. */
export function changeOf(draft: Draft, app: BoundApp | null, pair: KeyPair | null): AppChange {
  const change: AppChange = {
    app_id: draft.app_id.trim(),
    seller_id: draft.seller_id.trim(),
    enabled: draft.enabled,
    version: app?.version ?? 0,
  };
  if (draft.mode === 'cert' || app?.key.mode === 'cert') change.mode = draft.mode;
  if (draft.source === 'paste' && draft.app_private_key.trim()) {
    change.app_private_key = draft.app_private_key;
  }
  if (draft.source === 'generate' && pair) change.key_pair_id = pair.key_pair_id;
  const alipayKey = draft.alipay_public_key.trim();
  if (draft.mode === 'key' && alipayKey && alipayKey !== app?.key.alipay_public_key) {
    change.alipay_public_key = draft.alipay_public_key;
  }
  if (draft.mode === 'cert') {
    for (const name of CERTIFICATES) if (draft[name].trim()) change[name] = draft[name];
  }
  for (const name of WHEN_GIVEN) if (draft[name].trim()) change[name] = draft[name].trim();
  return change;
}

/** The required fields of a binding that are missing. */
export function lacksOf(draft: Draft, app: BoundApp | null, pair: KeyPair | null): TextKey[] {
  const isThere: [TextKey, boolean][] = [
    ['bind.app_id', draft.app_id.trim() !== ''],
    ['bind.private_key', hasOwnKey(draft, pair) || (app !== null && draft.source === 'keep')],
    ...(draft.mode === 'key'
      ? [['bind.alipay_key', draft.alipay_public_key.trim() !== ''] as [TextKey, boolean]]
      : []),
  ];
  return isThere.filter(([, is]) => !is).map(([name]) => name);
}

/** Whether there is a key for the doctor to examine. */
export function hasKey(draft: Draft, pair: KeyPair | null): boolean {
  const isTheirs = draft.mode === 'key' && draft.alipay_public_key.trim() !== '';
  return isTheirs || hasOwnKey(draft, pair);
}

function hasOwnKey(draft: Draft, pair: KeyPair | null): boolean {
  if (draft.source === 'paste') return draft.app_private_key.trim() !== '';
  return draft.source === 'generate' && pair !== null;
}

const COMMAND_LINE = 'command-line';

/** The person who saved the record last, in words. */
export function whoChanged(app: BoundApp, t: T): string {
  return app.updated_by === COMMAND_LINE ? t('bind.command_line') : app.updated_by || '—';
}

/** Lists what a waiting change would change, line by line, for the approver. */
import type { ReactNode } from 'react';
import type { PendingChange } from '../../api/shapes';
import { Facts, Id } from '../../parts/bits';
import { word } from '../../parts/words';
import { type T, type TextKey, useText } from '../../texts';

/** In the order in which they are shown. A field without a label is shown by its name, never
 * left out. */
const LABELS: Record<PendingChange['kind'], Record<string, TextKey>> = {
  app: {
    enabled: 'bind.enabled',
    seller_id: 'bind.seller_id',
    service_provider_id: 'bind.provider_id',
    mode: 'bind.mode',
    changes: 'bind.secrets',
    retire_after_h: 'bind.retire_after',
  },
  merchant: {
    dual_control: 'merchant.dual',
    name: 'merchant.name',
    edition: 'merchant.edition',
    support_contact: 'merchant.support',
  },
};
const SECRETS: Record<string, TextKey> = {
  app_private_key: 'bind.private_key',
  alipay_public_key: 'bind.alipay_key',
  certificates: 'bind.certificates',
  aes_key: 'bind.aes',
  app_auth_token: 'bind.token',
};
const IDS = ['seller_id', 'service_provider_id'];

function shown(t: T, name: string, value: unknown, label: string): ReactNode {
  if (typeof value === 'boolean') return t(value ? 'bind.on' : 'bind.off');
  if (value === '') return t('bind.emptied');
  if (name === 'mode') return t(value === 'cert' ? 'bind.mode_cert' : 'bind.mode_key');
  if (name === 'edition') return word(t, 'edition', String(value));
  if (IDS.includes(name)) return <Id value={String(value)} label={label} />;
  if (Array.isArray(value)) {
    const names = value.map((one) => {
      const key = SECRETS[one];
      return key ? t(key) : String(one);
    });
    return names.join(t('bind.and'));
  }
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

export function ChangeSummary({ change }: { change: PendingChange }) {
  const { t } = useText();
  const labels = LABELS[change.kind];
  const known = Object.keys(labels);
  const others = Object.keys(change.summary).filter((name) => !known.includes(name));
  const rows = [...known, ...others]
    .map((name) => [name, change.summary[name]] as const)
    // null means unchanged; the version is only the one that the change was made from.
    .filter(([name, value]) => name !== 'version' && value !== null && value !== undefined)
    .filter(([, value]) => !(Array.isArray(value) && value.length === 0))
    .map(([name, value]): [string, ReactNode] => {
      const key = labels[name];
      const label = key ? t(key) : name;
      return [label, shown(t, name, value, label)];
    });
  return <Facts rows={rows} />;
}

/** What is typed into the form of a new binding, kept in this tab until it is saved: what anybody may
 * see, and nothing else. A private key in the wrong box is not kept: each value must look like what
 * belongs there. */
import type { Draft } from './draft';

type Kept = Partial<Pick<Draft, 'app_id' | 'seller_id' | 'alipay_public_key' | 'mode'>>;

const KEY = 'damselfly.binding.';

/** The base64 of a SubjectPublicKeyInfo for RSA; every private key begins otherwise. */
const PUBLIC_KEY = /^MII[A-Za-z0-9+/]{3}ANBgkqhkiG9w0BAQEFAAOC[A-Za-z0-9+/=]*$/;
const PEM_LINE = /-----(BEGIN|END) PUBLIC KEY-----/g;

const LOOKS_RIGHT: Record<keyof Kept, (value: string) => boolean> = {
  app_id: (value) => /^\s*\d{1,24}\s*$/.test(value),
  seller_id: (value) => /^\s*\d{1,24}\s*$/.test(value),
  alipay_public_key: (value) => PUBLIC_KEY.test(value.replace(PEM_LINE, '').replace(/\s/g, '')),
  mode: (value) => value === 'key' || value === 'cert',
};

function fitting(values: Partial<Record<keyof Kept, unknown>>): Kept {
  const names = Object.keys(LOOKS_RIGHT) as (keyof Kept)[];
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = values[name];
      return typeof value === 'string' && LOOKS_RIGHT[name](value) ? [[name, value]] : [];
    }),
  );
}

/** By merchant: whoever acts for another one in this tab does not find this one's entries. */
export const keptDraft = {
  of: (merchantId: string): Kept => {
    try {
      const stored: unknown = JSON.parse(sessionStorage.getItem(KEY + merchantId) ?? '{}');
      return typeof stored === 'object' && stored !== null ? fitting(stored) : {};
    } catch {
      return {};
    }
  },
  keep: (merchantId: string, values: Partial<Draft>): void => {
    try {
      sessionStorage.setItem(KEY + merchantId, JSON.stringify(fitting(values)));
    } catch {
      // A full or forbidden store: the form works all the same.
    }
  },
  forget: (merchantId: string): void => sessionStorage.removeItem(KEY + merchantId),
};

/** Keeps the entries of the binding form in this tab until they are saved, but only public
 * values. A private key in the wrong field is not kept, because each value must have the form of
 * what belongs there. For a bound app only the differences from the record are kept, until
 * somebody saves a new version of it. */
import type { BoundApp } from '../../api/shapes';
import { type Draft, draftOf } from './draft';

const PUBLIC = [
  'enabled',
  'app_id',
  'seller_id',
  'mode',
  'source',
  'alipay_public_key',
  'app_cert',
  'alipay_cert',
  'alipay_root_cert',
] as const satisfies (keyof Draft)[];
type Name = (typeof PUBLIC)[number];
type Kept = Partial<Pick<Draft, Name>>;

const KEY = 'damselfly.binding.';

/** The base64 of a SubjectPublicKeyInfo for RSA; a private key never begins like this. */
const PUBLIC_KEY = /^MII[A-Za-z0-9+/]{3}ANBgkqhkiG9w0BAQEFAAOC[A-Za-z0-9+/=]*$/;
const PEM_LINE = /-----(BEGIN|END) PUBLIC KEY-----/g;
/** A sequence in a sequence, as a certificate begins; a private key has a number there. */
const CERTIFICATE =
  /-----BEGIN CERTIFICATE-----\s*MII[A-Za-z0-9+/]{2}[DTjz]C[BC][A-Za-z0-9+/=\s]*-----END CERTIFICATE-----/g;

const isNumber = (value: unknown) => /^\s*\d{1,24}\s*$/.test(String(value));
const isPublicKey = (value: unknown) =>
  PUBLIC_KEY.test(String(value).replace(PEM_LINE, '').replace(/\s/g, ''));
/** One or several certificates, and nothing else. */
const isCertificates = (value: unknown) =>
  String(value).trim() !== '' && String(value).replace(CERTIFICATE, '').trim() === '';

const LOOKS_RIGHT: Record<Name, (value: unknown) => boolean> = {
  enabled: (value) => typeof value === 'boolean',
  app_id: isNumber,
  seller_id: isNumber,
  mode: (value) => value === 'key' || value === 'cert',
  source: (value) => value === 'keep' || value === 'generate' || value === 'paste',
  alipay_public_key: isPublicKey,
  app_cert: isCertificates,
  alipay_cert: isCertificates,
  alipay_root_cert: isCertificates,
};

function fitting(values: Partial<Record<Name, unknown>>): Kept {
  return Object.fromEntries(
    PUBLIC.flatMap((name) => (LOOKS_RIGHT[name](values[name]) ? [[name, values[name]]] : [])),
  );
}

/** By merchant and record, so that the draft of another merchant in this tab is not used. */
const place = (merchantId: string, app: BoundApp | null) =>
  KEY + merchantId + (app ? `.${app.app_id}` : '');

export const keptDraft = {
  of: (merchantId: string, app: BoundApp | null): Kept => {
    try {
      const stored = JSON.parse(sessionStorage.getItem(place(merchantId, app)) ?? 'null');
      return stored?.version === (app?.version ?? 0) ? fitting(stored) : {};
    } catch {
      return {};
    }
  },
  keep: (merchantId: string, app: BoundApp | null, values: Partial<Draft>): void => {
    const bound = draftOf(app);
    const changed = Object.entries(fitting(values)).filter(
      ([name, value]) => app === null || value !== bound[name as Name],
    );
    if (changed.length === 0) {
      keptDraft.forget(merchantId, app);
      return;
    }
    const stored = { version: app?.version ?? 0, ...Object.fromEntries(changed) };
    try {
      sessionStorage.setItem(place(merchantId, app), JSON.stringify(stored));
    } catch {
      // The storage is full or forbidden: the form works without it.
    }
  },
  forget: (merchantId: string, app: BoundApp | null): void =>
    sessionStorage.removeItem(place(merchantId, app)),
};

/**
 * A device's signature, made in the browser (docs/signing.md, "Requests of a device"): HMAC-SHA256
 * over method, path, sorted query, time, nonce, ids and the body's hash.
 */

interface Signer {
  deviceId: string;
  keyId: string;
  key: CryptoKey;
}

export interface DeviceRequest {
  method: 'GET' | 'POST';
  path: string;
  query?: string;
  body?: string;
}

/** The time and the nonce of a signed request; each request has its own. */
interface Stamp {
  /** seconds since 1970, by our best estimate of the server's clock */
  at: number;
  /** 32 hex digits */
  nonce: string;
}

const HMAC = { name: 'HMAC', hash: 'SHA-256' } as const;
const NONCE_BYTES = 16;
const bytes = (text: string) => new TextEncoder().encode(text);

function hex(found: ArrayBuffer | Uint8Array): string {
  return [...new Uint8Array(found)].map((one) => one.toString(16).padStart(2, '0')).join('');
}

/** The eight lines that are signed. */
async function signedText(request: DeviceRequest, by: Signer, stamp: Stamp): Promise<string> {
  const query = (request.query ?? '').split('&').sort().join('&');
  const digest = hex(await crypto.subtle.digest('SHA-256', bytes(request.body ?? '')));
  const ids = [by.deviceId, by.keyId];
  return [request.method, request.path, query, stamp.at, stamp.nonce, ...ids, digest].join('\n');
}

/** The headers that authenticate the device. */
export async function signedHeaders(
  request: DeviceRequest,
  by: Signer,
  stamp: Stamp,
): Promise<Record<string, string>> {
  const text = await signedText(request, by, stamp);
  return {
    'Content-Type': 'application/json',
    'X-DF-Device': by.deviceId,
    'X-DF-Key': by.keyId,
    'X-DF-Timestamp': String(stamp.at),
    'X-DF-Nonce': stamp.nonce,
    'X-DF-Signature': hex(await crypto.subtle.sign(HMAC.name, by.key, bytes(text))),
  };
}

export function newNonce(): string {
  return hex(crypto.getRandomValues(new Uint8Array(NONCE_BYTES)));
}

/** Imports the base64 key of the enrolment as a key that signs and that no script can read
 * again. */
export async function lockedKey(base64: string): Promise<CryptoKey> {
  const raw = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  try {
    return await crypto.subtle.importKey('raw', raw, HMAC, false, ['sign']);
  } finally {
    raw.fill(0);
  }
}

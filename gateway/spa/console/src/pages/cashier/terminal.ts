/** Acts as a device: enrols at the public endpoint, signs each request, corrects its clock once. */
import { ApiProblem, problemOf } from '@shared/problem';
import { post } from '../../api/client';
import type { Terminal } from './keystore';
import type { Enrolled } from './shapes';
import { type DeviceRequest, lockedKey, newNonce, signedHeaders } from './signing';

const ENROL = '/api/device/v1/enrol';
const SN_LETTERS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const ANSWER_WITHIN_MS = 40_000;

/** No answer came, which means nothing for the request. */
export class NoAnswer extends Error {}

/** "TEST-7Q2M9K4D": people recognise it in the device list. */
export function newSn(): string {
  const found = crypto.getRandomValues(new Uint8Array(8));
  return `TEST-${[...found].map((one) => SN_LETTERS[one % SN_LETTERS.length]).join('')}`;
}

async function answered(address: string, init: RequestInit): Promise<Response> {
  try {
    // Built here, so that the path alone decides the destination, not the page's address.
    const request = new globalThis.Request(new URL(address, window.location.origin), {
      ...init,
      // A device has no cookie; only the signature authenticates it.
      credentials: 'omit',
      cache: 'no-store',
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    });
    return await globalThis.fetch(request);
  } catch (error) {
    throw new NoAnswer(String(error));
  }
}

async function bodyOf<R>(answer: Response): Promise<R> {
  let body: unknown;
  try {
    body = await answer.json();
  } catch {
    body = undefined;
  }
  if (answer.ok && body !== undefined) return body as R;
  if (answer.ok) throw new NoAnswer('the answer does not read');
  throw problemOf(answer.status, body);
}

/** Creates a code with the person's own permissions and redeems it as any device does. */
export async function enrolled(merchantId: string, storeId: string, sn: string): Promise<Terminal> {
  const { code } = await post('/api/merchant/v1/devices/codes', { store_id: storeId, sn });
  const answer = await answered(ENROL, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ code, sn, kind: 'test_cashier' }),
  });
  const found = await bodyOf<Enrolled>(answer);
  return {
    merchantId,
    deviceId: found.device_id,
    keyId: found.key_id,
    key: await lockedKey(found.key),
    sn,
    storeId: found.store_id,
    enrolledAt: new Date().toISOString(),
  };
}

/** The connection of a terminal to the platform. */
export class Line {
  private offsetS = 0;

  constructor(
    readonly terminal: Terminal,
    private readonly now: () => number = Date.now,
  ) {}

  /** One signed request; a 401 with the server's time corrects our clock, once. */
  async ask<R>(
    request: DeviceRequest,
    seen?: (headers: Record<string, string>) => void,
  ): Promise<R> {
    for (let attempt = 1; ; attempt += 1) {
      const answer = await this.send(request, seen);
      try {
        return await bodyOf<R>(answer);
      } catch (error) {
        if (attempt > 1 || !this.corrects(error)) throw error;
      }
    }
  }

  private async send(
    request: DeviceRequest,
    seen?: (headers: Record<string, string>) => void,
  ): Promise<Response> {
    const at = Math.floor(this.now() / 1000) + this.offsetS;
    const headers = await signedHeaders(request, this.terminal, { at, nonce: newNonce() });
    seen?.(headers);
    const address = request.query ? `${request.path}?${request.query}` : request.path;
    return answered(address, {
      method: request.method,
      headers,
      ...(request.body === undefined ? {} : { body: request.body }),
    });
  }

  private corrects(error: unknown): boolean {
    if (!(error instanceof ApiProblem) || error.status !== 401) return false;
    const server = error.body.server_time;
    if (typeof server !== 'number') return false;
    const drift = server - Math.floor(this.now() / 1000);
    if (Math.abs(drift - this.offsetS) <= 1) return false;
    this.offsetS = drift;
    return true;
  }
}

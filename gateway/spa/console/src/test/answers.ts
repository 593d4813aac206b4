/** Stands in for the network in unit tests: answers by "METHOD /path", and remembers what was asked. */
import { vi } from 'vitest';

export interface SentRequest {
  method: string;
  path: string;
  headers: Headers;
  body: unknown;
}

interface FakeResponse {
  status?: number;
  body?: unknown;
}
type Reply = FakeResponse | ((asked: SentRequest) => FakeResponse | Promise<FakeResponse>);

function unlessDropped<T>({ signal }: Request, reply: T | Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason));
    Promise.resolve(reply).then(resolve, reject);
  });
}

/** How many tests are over. */
let over = 0;

/** Leaves unanswered what the test that ends has asked for: an answer that comes later would speak
 * on a page that is gone, and the next test would have to explain the complaint. */
export function hangUp(): void {
  over += 1;
}

export function answers(replies: Record<string, Reply | Reply[]>): SentRequest[] {
  const seen: SentRequest[] = [];
  const before = over;
  vi.stubGlobal('fetch', async (request: Request) => {
    const url = new URL(request.url);
    const text = await request.text();
    const asked = {
      method: request.method,
      path: url.pathname + url.search,
      headers: request.headers,
      body: text ? JSON.parse(text) : undefined,
    };
    seen.push(asked);
    const found = replies[`${request.method} ${url.pathname}`];
    const next = Array.isArray(found) ? (found.length > 1 ? found.shift() : found[0]) : found;
    const reply = typeof next === 'function' ? await unlessDropped(request, next(asked)) : next;
    const { status = 200, body } = reply ?? {
      status: 404,
      body: { code: 'not_found', title: '没有 None.' },
    };
    if (over !== before) return new Promise(() => undefined);
    return new Response(body === undefined ? null : JSON.stringify(body), {
      status,
      headers: { 'content-type': status < 400 ? 'application/json' : 'application/problem+json' },
    });
  });
  return seen;
}

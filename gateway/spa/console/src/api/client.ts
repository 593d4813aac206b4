/** The client of our API: paths are typed, changes carry the CSRF header, and problems are
 * thrown. */
import { ApiProblem, problemOf } from '@shared/problem';
import createClient from 'openapi-fetch';
import type { GeneratedPaths as Paths } from './generated';

export type Console = 'merchant' | 'operator';
type Verb = 'get' | 'post' | 'put' | 'patch' | 'delete';
type PathOf<V extends Verb> = {
  [P in keyof Paths]: Paths[P] extends { [K in V]: object } ? P : never;
}[keyof Paths];
type Operation<P extends keyof Paths, V extends Verb> = Paths[P] extends { [K in V]: infer O }
  ? O
  : never;
type Success = 200 | 201 | 202 | 204;
type Json<R> = R extends { content: { 'application/json': infer T } } ? T : undefined;
type Answer<O> = O extends { responses: infer R }
  ? { [S in keyof R & Success]: Json<R[S]> }[keyof R & Success]
  : never;
type BodyOf<O> = O extends { requestBody: { content: { 'application/json': infer B } } }
  ? B
  : Record<string, never>;

export type Query = Record<string, string | number | string[] | undefined>;
interface Options {
  path?: Record<string, string>;
  query?: Query;
}

const CSRF_KEY = 'damselfly.csrf';

export const csrf = {
  get: () => localStorage.getItem(CSRF_KEY) ?? '',
  keep: (token: string) => localStorage.setItem(CSRF_KEY, token),
  forget: () => localStorage.removeItem(CSRF_KEY),
};

const ENDING_KEY = 'damselfly.expired';
type Ending = 'expired' | 'suspended';

/** Why the last session in this tab ended. The sign-in page shows it once. */
export const ending = {
  keep: (why: Ending) => sessionStorage.setItem(ENDING_KEY, why),
  get: (): Ending | null => {
    const found = sessionStorage.getItem(ENDING_KEY);
    return found === 'expired' || found === 'suspended' ? found : null;
  },
  forget: () => sessionStorage.removeItem(ENDING_KEY),
};

/** The merchant that this window shows. Windows of one browser share a session: each request for
 * a merchant names the merchant of its page, and the edge refuses a request for another one. */
export const shown: { merchantId: string | null } = { merchantId: null };

const ACTING = '/api/operator/v1/acting';

/** The headers that name the window's merchant, also for requests without this client. Requests
 * about the session itself name none. */
export function naming(path: string): Record<string, string> {
  const isOfMerchant = /^\/api\/merchant\/v1\/(?!sessions?\b)/.test(path) || path === ACTING;
  return shown.merchantId && isOfMerchant ? { 'X-Acting-For': shown.merchantId } : {};
}

/** What the shell does when the server refuses a request; set once by the session. */
export const onRefusal: {
  stepUp: () => Promise<boolean>;
  /** the session is over; resolves to true when the same person has signed in again */
  signedOut: () => Promise<boolean>;
  /** the session works for another merchant than this window shows, or for none */
  elsewhere: () => void;
} = { stepUp: async () => false, signedOut: async () => false, elsewhere: () => undefined };

const http = createClient<Record<string, never>>({
  baseUrl: window.location.origin,
  fetch: (request) => globalThis.fetch(request),
});

/** No usable answer came to a request that changes something, so it may have been carried out.
 * All data that is shown is loaded again (`makeQueries`). */
export class OutcomeUnknown extends ApiProblem {}

/** Paths that begin, end or confirm a session: after a lost answer the person just tries again. */
const OF_SESSION = /\/v1\/session(\/|$)/;
/** The edge's codes for a request that reached no service. */
const NOT_PASSED_ON = new Set(['upstream.unavailable', 'upstream.busy', 'gateway.busy']);

/** The failure as it is shown to the person. */
function understood(verb: Verb, path: string, problem: ApiProblem): ApiProblem {
  const isSilence = problem.status === 0 || problem.status >= 500;
  const mayBeDone = isSilence && !NOT_PASSED_ON.has(problem.code);
  if (verb === 'get' || OF_SESSION.test(path) || !mayBeDone) return problem;
  const title = '没有收到答复，不知道有没有成功 No answer came: it may have been done.';
  return new OutcomeUnknown({ ...problem.body, code: 'outcome_unknown', title });
}

/** Reads under way, and the gate that later reads wait for until `leaving` is done. */
const reads = { ways: new AbortController(), gate: Promise.resolve() };

/** Runs `end`, which ends a session or acting. Reads under way would be refused after it, so
 * they are aborted, and no read starts from then on: the present page is going away, and the
 * next one calls `arrived`. If `end` fails, all aborted reads are repeated. */
export async function leaving<T>(end: () => Promise<T>): Promise<T> {
  let open = () => {};
  reads.gate = new Promise((resolve) => {
    open = resolve;
  });
  reads.ways.abort();
  reads.ways = new AbortController();
  try {
    return await end();
  } catch (error) {
    open();
    throw error;
  }
}

/** Ends the wait of `leaving`: reads start again. */
export function arrived(): void {
  reads.gate = Promise.resolve();
}

async function read(path: string, options: Options): Promise<unknown> {
  for (;;) {
    await reads.gate;
    const { signal } = reads.ways;
    try {
      return await send('get', path, options, undefined, signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }
}

async function send(
  verb: Verb,
  path: string,
  options: Options,
  body?: unknown,
  signal?: AbortSignal,
): Promise<unknown> {
  let answer: { data?: unknown; error?: unknown; response: Response };
  // Without a network the request is certainly not sent.
  const canLeave = navigator.onLine;
  try {
    answer = await http.request(
      verb as never,
      path as never,
      {
        params: { path: options.path ?? {}, query: options.query ?? {} },
        headers: { ...naming(path), ...(verb === 'get' ? {} : { 'X-CSRF-Token': csrf.get() }) },
        ...(body === undefined ? {} : { body }),
        ...(signal ? { signal } : {}),
      } as never,
    );
  } catch {
    const silence = new ApiProblem({
      status: 0,
      code: 'unreachable',
      title: '网络不通，请检查后重试 The server cannot be reached.',
    });
    throw canLeave ? understood(verb, path, silence) : silence;
  }
  if (answer.response.ok) return answer.data;
  throw understood(verb, path, problemOf(answer.response.status, answer.error));
}

/** The session ended because its merchant was suspended; a password does not start a new one. */
export const SUSPENDED = 'auth.merchant_suspended';
const OVER = new Set(['auth.session', 'auth.csrf']);
/** Paths that show, begin or end a session: a refusal there does not mean that a session was
 * lost. */
const SESSION = /\/v1\/session$/;

async function call(verb: Verb, path: string, options: Options, body?: unknown): Promise<unknown> {
  try {
    return await (verb === 'get' ? read(path, options) : send(verb, path, options, body));
  } catch (error) {
    if (!(error instanceof ApiProblem)) throw error;
    if (error.code === 'auth.step_up_needed' && (await onRefusal.stepUp())) {
      return await send(verb, path, options, body);
    }
    if (OVER.has(error.code) && !SESSION.test(path) && (await onRefusal.signedOut())) {
      return await call(verb, path, options, body);
    }
    if (error.code === SUSPENDED) {
      csrf.forget();
      ending.keep('suspended');
      onRefusal.elsewhere();
    }
    if (error.code === 'acting.elsewhere') onRefusal.elsewhere();
    throw error;
  }
}

/** A text of any length; throws when the response breaks off. */
export async function textOf(path: string): Promise<string> {
  const answer = await fetch(path, { headers: naming(path) });
  if (!answer.ok) throw problemOf(answer.status, await answer.json().catch(() => undefined));
  return await answer.text();
}

export const get = <P extends PathOf<'get'>>(
  path: P,
  options: Options = {},
): Promise<Answer<Operation<P, 'get'>>> =>
  call('get', path as string, options) as Promise<Answer<Operation<P, 'get'>>>;

type Write<V extends Verb> = <P extends PathOf<V>>(
  path: P,
  body: BodyOf<Operation<P, V>>,
  options?: Options,
) => Promise<Answer<Operation<P, V>>>;

const writing =
  <V extends Verb>(verb: V): Write<V> =>
  (path, body, options = {}) =>
    call(verb, path as string, options, body) as never;

export const post = writing('post');
export const put = writing('put');
export const patch = writing('patch');

export const remove = <P extends PathOf<'delete'>>(path: P, options: Options = {}) =>
  call('delete', path as string, options) as Promise<Answer<Operation<P, 'delete'>>>;

/** "/api/merchant/v1/sessions", for the console to which the person is signed in. */
export function at<S extends string>(console: Console, suffix: S): `/api/${Console}/v1${S}` {
  return `/api/${console}/v1${suffix}`;
}

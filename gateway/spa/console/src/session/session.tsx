/** Who is signed in, to which console, and what they may do. */

import { ApiProblem } from '@shared/problem';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { createContext, type ReactNode, useContext, useEffect, useMemo } from 'react';
import {
  at,
  type Console,
  csrf,
  get,
  leaving,
  onRefusal,
  post,
  remove,
  SUSPENDED,
} from '../api/client';
import type { PasskeyProof, Session } from '../api/shapes';
import { identityChanged } from './identity';
import { onTold, tellOthers } from './windows';

const CONSOLE_KEY = 'damselfly.console';

/** Where a platform that has its operator says so, instead of asking for the first one. */
export const FIRST_RUN = '/first-run';

interface SignedIn {
  console: Console;
  session: Session;
  /** whether one of these permissions is held; no name asks for nothing */
  can: (...permissions: string[]) => boolean;
  /** the merchant whose data the merchant pages show: one's own, or the one acted for */
  merchantName: string | null;
  /** its id: names are not unique */
  merchantId: string | null;
}

const Context = createContext<SignedIn | null>(null);

export function lastConsole(): Console {
  return localStorage.getItem(CONSOLE_KEY) === 'operator' ? 'operator' : 'merchant';
}

/** For the merchant one acts for, the merchant console says what is allowed. */
async function asActing(session: Session): Promise<Session> {
  try {
    const there = await get('/api/merchant/v1/session');
    return { ...session, permissions: there.permissions };
  } catch (error) {
    // It ended between the two questions: the operator is still signed in.
    const isOver = error instanceof ApiProblem && (error.status === 401 || error.status === 403);
    if (!isOver || error.code === 'auth.session' || error.code === SUSPENDED) throw error;
    return { ...session, acting: null };
  }
}

async function who(): Promise<{ console: Console; session: Session } | null> {
  // Whoever signed out, or was never here, has left no token: a question would only be refused.
  if (!csrf.get()) return null;
  const first = lastConsole();
  const order: Console[] =
    first === 'merchant' ? ['merchant', 'operator'] : ['operator', 'merchant'];
  for (const console of order) {
    try {
      const session = await get(at(console, '/session'));
      if (!session) continue;
      if (console === 'operator' && session.acting) {
        return { console, session: await asActing(session) };
      }
      return { console, session };
    } catch (error) {
      // 401: nobody is signed in; 403: signed in at the other console.
      if (!(error instanceof ApiProblem) || (error.status !== 401 && error.status !== 403))
        throw error;
      if (error.code === SUSPENDED) return null;
      // A session that ran out is begun again over the page.
      if (error.status === 401) return (await onRefusal.signedOut()) ? who() : null;
    }
  }
  return null;
}

export const WHO = { queryKey: ['who'], queryFn: who, staleTime: 60_000, retry: false };

/** How often one who acts looks whether somebody has ended it. */
const ACTING_LOOK_MS = 10_000;

/** Asked again when the window comes to the front, when another window says that something has
 * changed, and while somebody acts: that ends without a word from here. */
export function useWho() {
  const queries = useQueryClient();
  useEffect(() => {
    const again = () => void queries.invalidateQueries({ queryKey: ['who'] });
    onRefusal.elsewhere = again;
    const stop = onTold(again);
    return () => {
      onRefusal.elsewhere = () => undefined;
      stop();
    };
  }, [queries]);
  const found = useQuery({
    ...WHO,
    refetchOnWindowFocus: 'always',
    refetchInterval: ({ state }) => (state.data?.session.acting ? ACTING_LOOK_MS : false),
  });
  const whose = nameOf(found.data);
  useEffect(() => (whose ? identityChanged : undefined), [whose]);
  return found;
}

/** Says of a session whose it is, where and what for; '' for none. */
function nameOf(found: { console: Console; session: Session } | null | undefined): string {
  if (!found) return '';
  const { user, merchant, acting, permissions } = found.session;
  const place = acting?.merchant_id ?? merchant?.merchant_id ?? '';
  return [found.console, user.user_id, place, ...[...permissions].sort()].join(' ');
}

/** Signs in and remembers at which console. */
export async function signIn(
  console: Console,
  login: string,
  password: string,
  factor: { code?: string; passkey?: PasskeyProof } = {},
): Promise<void> {
  const given = { login, password, ...factor };
  const opened = await post(at(console, '/session'), given);
  csrf.keep(opened.csrf_token);
  localStorage.setItem(CONSOLE_KEY, console);
  tellOthers();
}

export function useSignOut(): (console: Console) => Promise<void> {
  const queries = useQueryClient();
  return async (console) => {
    try {
      await leaving(() => remove(at(console, '/session')));
    } finally {
      csrf.forget();
      await queries.cancelQueries();
      // Not clear(): the page that watches `who` must hear that nobody is signed in.
      queries.setQueryData(['who'], null);
      queries.removeQueries({ predicate: (query) => query.queryKey[0] !== 'who' });
      tellOthers();
    }
  };
}

export function SessionProvider({
  found,
  children,
}: {
  found: { console: Console; session: Session };
  children: ReactNode;
}) {
  const value = useMemo<SignedIn>(() => {
    const held = new Set(found.session.permissions);
    return {
      ...found,
      can: (...permissions) => permissions.length === 0 || permissions.some((one) => held.has(one)),
      merchantName: found.session.acting?.merchant_name ?? found.session.merchant?.name ?? null,
      merchantId: found.session.acting?.merchant_id ?? found.session.merchant?.merchant_id ?? null,
    };
  }, [found]);
  return <Context.Provider value={value}>{children}</Context.Provider>;
}

export function useSession(): SignedIn {
  const found = useContext(Context);
  if (!found) throw new Error('useSession is for pages behind the sign-in');
  return found;
}

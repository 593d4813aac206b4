/** The signed-in person, the console, and the permissions. */

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
import { notifyOthers, onNotified } from './windows';

const CONSOLE_KEY = 'damselfly.console';

/** The address where the sign-in says that the platform has its first operator already. */
export const FIRST_RUN = '/first-run';

interface SignedIn {
  console: Console;
  session: Session;
  /** whether the person has one of these permissions; without names always true */
  can: (...permissions: string[]) => boolean;
  /** the merchant of the merchant pages: the person's own, or the one acted for */
  merchantName: string | null;
  /** its id, because names are not unique */
  merchantId: string | null;
}

const Context = createContext<SignedIn | null>(null);

export function lastConsole(): Console {
  return localStorage.getItem(CONSOLE_KEY) === 'operator' ? 'operator' : 'merchant';
}

/** For the merchant acted for, the merchant console returns the permissions. */
async function asActing(session: Session): Promise<Session> {
  try {
    const there = await get('/api/merchant/v1/session');
    return { ...session, permissions: there.permissions };
  } catch (error) {
    // The acting ended between the two requests: the operator is still signed in.
    const isOver = error instanceof ApiProblem && (error.status === 401 || error.status === 403);
    if (!isOver || error.code === 'auth.session' || error.code === SUSPENDED) throw error;
    return { ...session, acting: null };
  }
}

async function who(): Promise<{ console: Console; session: Session } | null> {
  // Nobody is signed in without a token: a request would only be refused.
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
      // A session that has expired is renewed by a sign-in over the page.
      if (error.status === 401) return (await onRefusal.signedOut()) ? who() : null;
    }
  }
  return null;
}

export const WHO = { queryKey: ['who'], queryFn: who, staleTime: 60_000, retry: false };

/** How often an acting operator's window checks whether somebody has ended the acting. */
const ACTING_LOOK_MS = 10_000;

/** Loaded again when the window comes to the front, when another window reports a change, and
 * while somebody acts, because others can end that. */
export function useWho() {
  const queries = useQueryClient();
  useEffect(() => {
    const again = () => void queries.invalidateQueries({ queryKey: ['who'] });
    onRefusal.elsewhere = again;
    const stop = onNotified(again);
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

/** The person, merchant and permissions of a session as one text; '' for none. */
function nameOf(found: { console: Console; session: Session } | null | undefined): string {
  if (!found) return '';
  const { user, merchant, acting, permissions } = found.session;
  const place = acting?.merchant_id ?? merchant?.merchant_id ?? '';
  return [found.console, user.user_id, place, ...[...permissions].sort()].join(' ');
}

/** Signs in and stores which console it was. */
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
  notifyOthers();
}

export function useSignOut(): (console: Console) => Promise<void> {
  const queries = useQueryClient();
  return async (console) => {
    try {
      await leaving(() => remove(at(console, '/session')));
    } finally {
      csrf.forget();
      await queries.cancelQueries();
      // Not clear(): the page that watches `who` must be told that nobody is signed in.
      queries.setQueryData(['who'], null);
      queries.removeQueries({ predicate: (query) => query.queryKey[0] !== 'who' });
      notifyOthers();
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

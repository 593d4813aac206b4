/** The map, kept up to date: it is loaded again while a row runs or waits, and waiting or failed
 * rows are checked when somebody opens the page or returns to it. */
import { type QueryClient, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useRef } from 'react';
import { get, post, put } from '../../api/client';
import type { OnboardingMap } from '../../api/shapes';
import { useSay } from '../../parts/say';
import { useSession } from '../../session/session';
import { worthALook } from './map';

export interface RowAction {
  row: string;
  act: 'check' | 'run' | 'done' | 'reopen';
  form?: Record<string, string>;
  note?: string;
}

const KEY = ['onboarding', ''];
const RUNS_MS = 2000;
const WAITS_MS = 5000;
/** The shortest time between two checks, however often the person returns. */
const LOOK_AFTER_MS = 10_000;

function everyMs(map: OnboardingMap | undefined): number | false {
  const states = map?.steps.flatMap((step) => step.rows.map((row) => row.state)) ?? [];
  if (states.includes('running')) return RUNS_MS;
  return states.includes('todo') || states.includes('failed') ? WAITS_MS : false;
}

function typed(map: OnboardingMap, row: string, form: Record<string, string>): OnboardingMap {
  return {
    ...map,
    steps: map.steps.map((step) => ({
      ...step,
      rows: step.rows.map((one) =>
        one.row === row && one.form
          ? {
              ...one,
              form: one.form.map((field) => ({
                ...field,
                value: form[field.field] ?? field.value,
              })),
            }
          : one,
      ),
    })),
  };
}

/** Shows that map. One on its way was asked for before, and would show again what was so then. */
async function take(
  queries: QueryClient,
  next: OnboardingMap | ((now: OnboardingMap | undefined) => OnboardingMap | undefined),
): Promise<void> {
  await queries.cancelQueries({ queryKey: KEY });
  queries.setQueryData(KEY, next);
}

/** Checks waiting or failed rows, once the map is loaded and whenever the page becomes visible
 * again. */
function useLook(isThere: boolean): void {
  const queries = useQueryClient();
  const { can } = useSession();
  const lookedAt = useRef(0);
  const mayLook = can('onboarding.check');
  const look = useCallback(async () => {
    const now = queries.getQueryData<OnboardingMap>(KEY);
    if (!mayLook || !now || Date.now() - lookedAt.current < LOOK_AFTER_MS) return;
    lookedAt.current = Date.now();
    for (const { row } of worthALook(now)) {
      try {
        const fresh = await post(
          '/api/merchant/v1/onboarding/rows/{row}/check',
          now.app_id ? { app_id: now.app_id } : {},
          { path: { row } },
        );
        await take(queries, fresh);
      } catch {
        return; // the next check is soon
      }
    }
  }, [queries, mayLook]);
  useEffect(() => {
    if (!isThere) return undefined;
    void look();
    const back = () => {
      if (document.visibilityState === 'visible') void look();
    };
    document.addEventListener('visibilitychange', back);
    return () => document.removeEventListener('visibilitychange', back);
  }, [isThere, look]);
}

export function useMap() {
  const queries = useQueryClient();
  const say = useSay();
  const map = useQuery({
    queryKey: KEY,
    queryFn: () => get('/api/merchant/v1/onboarding'),
    refetchInterval: (query) => everyMs(query.state.data),
  });
  const data = map.data;
  const app = data?.app_id ? { app_id: data.app_id } : {};
  const act = useMutation({
    mutationFn: ({ row, act: verb, ...body }: RowAction) =>
      post(
        `/api/merchant/v1/onboarding/rows/{row}/${verb}`,
        { ...body, ...app },
        { path: { row } },
      ),
    onSuccess: (fresh) => take(queries, fresh),
    onError: (error, { form }) => {
      // A form shows its own refusals under its fields.
      if (form === undefined) say.failed(error);
      // Somebody else may have been faster: the present map is shown.
      void queries.invalidateQueries({ queryKey: KEY });
    },
  });
  const keep = async (row: string, form: Record<string, string>): Promise<boolean> => {
    const show = () => take(queries, (now) => (now ? typed(now, row, form) : now));
    await show();
    try {
      await put(
        '/api/merchant/v1/onboarding/rows/{row}/draft',
        { form, ...app },
        { path: { row } },
      );
      await show();
      return true;
    } catch {
      // The whole form is sent later, so a failure here does not interrupt the person.
      return false;
    }
  };
  useLook(data !== undefined);
  return { map, act, keep };
}

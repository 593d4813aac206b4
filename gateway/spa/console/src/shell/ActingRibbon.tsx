/** Shows on every page that an operator acts for a merchant, with buttons to request more
 * permissions and to stop. */

import { chinaTime, ZONE } from '@shared/time';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Button } from 'antd';
import { useEffect, useRef } from 'react';
import { leaving, remove } from '../api/client';
import type { Session } from '../api/shapes';
import { AskMore } from '../parts/forms/AskMore';
import { isOpen, useOperatorAct, useOperatorGrants } from '../parts/grants';
import { useSay } from '../parts/say';
import { useSession } from '../session/session';
import { notifyOthers, openAnew } from '../session/windows';
import { useText } from '../texts';

type Acting = NonNullable<Session['acting']>;

/** The operator's own open request or grant. */
function useOpen(acting: Acting) {
  const grants = useOperatorGrants(acting.merchant_id, true);
  const open = grants.data?.items.find((one) => one.is_own && isOpen(one));
  return { grants, open };
}

/** More permissions than look and help: requested, or granted for now. */
function More({ acting }: { acting: Acting }) {
  const { t } = useText();
  const queries = useQueryClient();
  const { grants, open } = useOpen(acting);
  const act = useOperatorAct();
  const state = grants.isSuccess ? (open?.state ?? 'none') : null;
  const before = useRef(state);
  useEffect(() => {
    // Somebody else has decided, so the pages are loaded again with the new permissions.
    if (before.current !== null && state !== null && before.current !== state)
      void queries.invalidateQueries({ queryKey: ['who'] });
    before.current = state ?? before.current;
  }, [state, queries]);
  if (state === null) return null;
  if (!open)
    return (
      <AskMore
        merchantId={acting.merchant_id}
        merchantName={acting.merchant_name}
        button={{ size: 'small' }}
      />
    );
  return (
    <>
      <span>{t(open.until ? 'grant.running' : 'grant.waiting')}</span>
      <Button
        size="small"
        loading={act.isPending}
        onClick={() => act.mutate({ row: open, act: 'withdraw' })}
      >
        {t(open.state === 'asked' ? 'grant.take_back' : 'grant.return')}
      </Button>
    </>
  );
}

/** One timer only, for the next change of the permissions. A grant ends at its own time, or with
 * the acting. */
function nextEnd(acting: Acting, moreUntil: string | null | undefined): string {
  return moreUntil && moreUntil < acting.until ? moreUntil : acting.until;
}

function Ribbon({ acting }: { acting: Acting }) {
  const { t } = useText();
  const say = useSay();
  const { open } = useOpen(acting);
  const end = useMutation({
    mutationFn: () => leaving(() => remove('/api/operator/v1/acting')),
    onSuccess: () => {
      notifyOthers();
      openAnew(`/merchants/${acting.merchant_id}`);
    },
    onError: say.failed,
  });
  const until = nextEnd(acting, open?.until);
  return (
    <div className="ribbon acting">
      <span>
        {t(until === acting.until ? 'acting.banner' : 'acting.banner_more', {
          merchant: acting.merchant_name,
          reason: acting.reason,
          until: `${chinaTime(until)} ${ZONE}`,
        })}
      </span>
      <More acting={acting} />
      <Button size="small" onClick={() => end.mutate()} loading={end.isPending}>
        {t('acting.end')}
      </Button>
    </div>
  );
}

export function ActingRibbon() {
  const { acting } = useSession().session;
  return acting ? <Ribbon acting={acting} /> : null;
}

/** Says, on every page, that an operator is acting for a merchant, lets them ask for more, and lets
 * them stop. */

import { chinaTime, ZONE } from '@shared/time';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Button } from 'antd';
import { useEffect, useRef } from 'react';
import { useNavigate } from 'react-router';
import { remove } from '../api/client';
import type { Session } from '../api/shapes';
import { AskMore } from '../pages/acting/AskMore';
import { isOpen, useOperatorAct, useOperatorGrants } from '../pages/acting/grants';
import { useSay } from '../parts/say';
import { useSession } from '../session/session';
import { useText } from '../texts';

/** More than look and help: asked for, waiting, or allowed for now. */
function More({ acting }: { acting: NonNullable<Session['acting']> }) {
  const { t } = useText();
  const queries = useQueryClient();
  const grants = useOperatorGrants(acting.merchant_id, true);
  const act = useOperatorAct();
  const open = grants.data?.items.find((one) => one.is_own && isOpen(one));
  const state = grants.isSuccess ? (open?.state ?? 'none') : null;
  const before = useRef(state);
  useEffect(() => {
    // Somebody else has decided: what the pages offer follows.
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
      <span>
        {open.until
          ? t('grant.running', { until: `${chinaTime(open.until)} ${ZONE}` })
          : t('grant.waiting')}
      </span>
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

export function ActingRibbon() {
  const { t } = useText();
  const { session } = useSession();
  const say = useSay();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const end = useMutation({
    mutationFn: () => remove('/api/operator/v1/acting'),
    onSuccess: async () => {
      navigate('/merchants');
      await queries.invalidateQueries();
    },
    onError: say.failed,
  });
  const acting = session.acting;
  if (!acting) return null;
  return (
    <div className="ribbon acting">
      <span>
        {t('acting.banner', {
          merchant: acting.merchant_name,
          reason: acting.reason,
          until: `${chinaTime(acting.until)} ${ZONE}`,
        })}
      </span>
      <More acting={acting} />
      <Button size="small" onClick={() => end.mutate()} loading={end.isPending}>
        {t('acting.end')}
      </Button>
    </div>
  );
}

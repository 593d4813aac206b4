/** Says, on every page, that an operator is acting for a merchant, and lets them stop. */

import { chinaTime, ZONE } from '@shared/time';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Button } from 'antd';
import { useNavigate } from 'react-router';
import { remove } from '../api/client';
import { useSay } from '../parts/say';
import { useSession } from '../session/session';
import { useText } from '../texts';

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
      <Button size="small" onClick={() => end.mutate()} loading={end.isPending}>
        {t('acting.end')}
      </Button>
    </div>
  );
}

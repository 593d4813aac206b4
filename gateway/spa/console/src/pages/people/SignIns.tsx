/** The own last sign-ins and the refused tries, so that the person notices guessing. */
import { useQuery } from '@tanstack/react-query';
import { at, get } from '../../api/client';
import { Card, Tag, When } from '../../parts/bits';
import { Failure, Loading } from '../../parts/states';
import { useSession } from '../../session/session';
import { useText } from '../../texts';
import { browserText } from './browser';

export function SignIns() {
  const { t } = useText();
  const { console } = useSession();
  const found = useQuery({
    queryKey: ['sign-ins', console],
    queryFn: () => get(at(console, '/sign-ins')),
  });
  return (
    <Card title={t('signins.title')}>
      <p className="soft">{t('signins.lead')}</p>
      {found.isPending ? <Loading rows={3} /> : null}
      {found.isError ? <Failure error={found.error} retry={() => void found.refetch()} /> : null}
      {found.data ? (
        <ul className="rowcards">
          {found.data.items.slice(0, 20).map((row) => (
            <li key={`${row.outcome} ${row.at}`}>
              <dl>
                <dt>
                  <When at={row.at} />
                </dt>
                <dd>
                  {row.outcome === 'accepted' ? (
                    <Tag tone="ok">{t('signins.accepted')}</Tag>
                  ) : (
                    <Tag tone="bad">{t('signins.refused', { count: row.tries })}</Tag>
                  )}
                </dd>
                <dt>{t('account.address')}</dt>
                <dd className="mono">{row.address || '—'}</dd>
                <dt>{t('account.device')}</dt>
                <dd>{browserText(t, row.user_agent)}</dd>
              </dl>
            </li>
          ))}
        </ul>
      ) : null}
    </Card>
  );
}

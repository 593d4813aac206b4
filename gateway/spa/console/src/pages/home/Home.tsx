/** Home: what is left to set up, and the sales of the stores (Board). */

import { usePrefetchQuery, useQuery } from '@tanstack/react-query';
import { Progress } from 'antd';
import { get } from '../../api/client';
import type { OnboardingMap } from '../../api/shapes';
import { useStores } from '../../lookups/stores';
import { Card, PageHead } from '../../parts/bits';
import { GoButton } from '../../parts/GoButton';
import { Failure, Loading } from '../../parts/states';
import { useSession } from '../../session/session';
import { useText } from '../../texts';
import { Consent } from '../acting/Consent';
import { currentOf } from '../onboarding/map';
import { Board } from './Board';
import { recent } from './Recent';
import { Watch } from './Watch';

function Setup({ map }: { map: OnboardingMap }) {
  const { t, either } = useText();
  const current = currentOf(map).row;
  const title = current ? either(current.title_zh, current.title_en) : '';
  return (
    <Card title={t('home.setup')}>
      <div className="ring">
        <Progress
          type="circle"
          size={72}
          percent={Math.round(map.percent)}
          aria-label={t('home.setup')}
        />
        <div className="stack">
          {current ? (
            <span>
              {t(current.state === 'running' ? 'home.setup_waits' : 'home.setup_next', { title })}
            </span>
          ) : null}
          <div>
            <GoButton type="primary" to="/onboarding">
              {t('home.setup_go')}
            </GoButton>
          </div>
        </div>
      </div>
    </Card>
  );
}

export default function Home() {
  const { t } = useText();
  const { can } = useSession();
  const { storeId } = useStores();
  const board = useQuery({
    queryKey: ['dashboard', storeId],
    queryFn: () => get('/api/merchant/v1/dashboard', { query: { store_id: storeId } }),
    refetchInterval: 30_000,
  });
  // Loaded at the same time as the figures, not after them.
  usePrefetchQuery(recent(storeId));
  const map = useQuery({
    queryKey: ['onboarding', ''],
    queryFn: () => get('/api/merchant/v1/onboarding'),
    enabled: can('apps.read'),
  });
  return (
    <>
      <PageHead title={t('home.title')} />
      <Consent />
      {map.data && !map.data.is_ready && !map.data.takes_payments ? <Setup map={map.data} /> : null}
      <Watch />
      {board.isPending ? (
        <Loading />
      ) : board.isLoadingError ? (
        <Card>
          <Failure error={board.error} retry={() => void board.refetch()} />
        </Card>
      ) : (
        <Board data={board.data} />
      )}
    </>
  );
}

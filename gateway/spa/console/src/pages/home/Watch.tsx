/** What somebody should check today: devices that send nothing, refunds without a result. */
import { useQuery } from '@tanstack/react-query';
import { Link } from 'react-router';
import { get } from '../../api/client';
import { useStores } from '../../lookups/stores';
import { useSession } from '../../session/session';
import { useText } from '../../texts';
import { SILENT_24H, silentSince } from '../devices/silent';
import { REFUNDS_PAGE } from '../orders/OrderTabs';

const EVERY_MS = 60_000;
/** Beyond this number open refunds are not counted one by one. */
const COUNTED = 100;

function useSilentDevices() {
  const { can } = useSession();
  const { storeId } = useStores();
  const found = useQuery({
    queryKey: ['devices', 'silent', storeId],
    queryFn: () =>
      get('/api/merchant/v1/devices', {
        query: { store_id: storeId, status: 'active', unseen_since: silentSince(), page_size: 1 },
      }),
    enabled: can('devices.read'),
    refetchInterval: EVERY_MS,
  });
  return found.data?.total ?? 0;
}

function useOpenRefunds(state: 'pending' | 'unknown') {
  const { can } = useSession();
  const { storeId } = useStores();
  const found = useQuery({
    queryKey: ['refunds', 'open', state, storeId],
    queryFn: () =>
      get('/api/merchant/v1/refunds', { query: { store_id: storeId, state, limit: COUNTED } }),
    enabled: can('payments.read'),
    refetchInterval: EVERY_MS,
  });
  return found.data?.items.length ?? 0;
}

/** Shows nothing when there is nothing to check. */
export function Watch() {
  const { t } = useText();
  const silent = useSilentDevices();
  const [pending, unknown] = [useOpenRefunds('pending'), useOpenRefunds('unknown')];
  const state = pending === 0 ? '?state=unknown' : unknown === 0 ? '?state=pending' : '';
  if (silent + pending + unknown === 0) return null;
  return (
    <section className="card watch" aria-label={t('home.watch')}>
      <strong>{t('home.watch')}</strong>
      {silent > 0 ? (
        <Link to={`/devices?status=active&unseen=${SILENT_24H}`}>
          {t('home.devices_unseen', { count: silent })}
        </Link>
      ) : null}
      {pending + unknown > 0 ? (
        <Link to={`${REFUNDS_PAGE}${state}`}>
          {t('home.refunds_open', { count: pending + unknown })}
        </Link>
      ) : null}
    </section>
  );
}

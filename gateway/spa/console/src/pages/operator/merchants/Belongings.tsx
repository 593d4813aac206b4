/** A merchant's devices and stores, for an operator. */
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { get } from '../../../api/client';
import { Card, Tag, When } from '../../../parts/bits';
import { Failure, Loading } from '../../../parts/states';
import { tone, word } from '../../../parts/words';
import { useText } from '../../../texts';
import { LOOK_AGAIN_MS } from '../figures';

const SHOWN_MAX = 100;

function Sheet({ heads, children }: { heads: string[]; children: ReactNode }) {
  return (
    <div className="sheet">
      <table className="plain">
        <thead>
          <tr>
            {heads.map((head) => (
              <th key={head} scope="col">
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}

/** Says so when the list is cut. */
function Cut({ rows, total }: { rows: object[]; total: number }) {
  const { t } = useText();
  if (rows.length >= total) return null;
  return <p className="soft">{t('cockpit.only_first', { shown: rows.length })}</p>;
}

export function DevicesOf({ merchantId }: { merchantId: string }) {
  const { t } = useText();
  const found = useQuery({
    queryKey: ['merchants', 'devices', merchantId],
    queryFn: () =>
      get('/api/operator/v1/devices', {
        query: { merchant_id: merchantId, page_size: SHOWN_MAX },
      }),
    refetchInterval: LOOK_AGAIN_MS,
  });
  if (found.isPending) return <Loading rows={2} />;
  const rows = found.data?.items ?? [];
  return (
    <Card title={t('cockpit.devices_of', { total: found.data?.total ?? 0 })}>
      {found.isLoadingError ? (
        <Failure error={found.error} retry={() => void found.refetch()} />
      ) : rows.length === 0 ? (
        <p className="soft">{t('cockpit.no_devices')}</p>
      ) : (
        <Sheet heads={[t('devices.sn'), t('orders.store'), t('devices.status'), t('devices.seen')]}>
          {rows.map((row) => (
            <tr key={row.device_id}>
              <td className="mono">{row.sn}</td>
              <td>{row.store_name}</td>
              <td>
                <Tag tone={tone(row.status)}>{word(t, 'devices', row.status)}</Tag>
              </td>
              <td>
                <When at={row.last_seen_at} />
              </td>
            </tr>
          ))}
        </Sheet>
      )}
      <Cut rows={rows} total={found.data?.total ?? 0} />
    </Card>
  );
}

export function StoresOf({ merchantId }: { merchantId: string }) {
  const { t } = useText();
  const found = useQuery({
    queryKey: ['merchants', 'stores', merchantId],
    queryFn: () =>
      get('/api/operator/v1/merchants/{merchant_id}/stores', {
        path: { merchant_id: merchantId },
        query: { page_size: SHOWN_MAX },
      }),
    refetchInterval: LOOK_AGAIN_MS,
  });
  if (found.isPending) return <Loading rows={2} />;
  const rows = found.data?.items ?? [];
  return (
    <Card title={t('cockpit.stores_of', { total: found.data?.total ?? 0 })}>
      {found.isLoadingError ? (
        <Failure error={found.error} retry={() => void found.refetch()} />
      ) : rows.length === 0 ? (
        <p className="soft">{t('cockpit.no_stores')}</p>
      ) : (
        <Sheet heads={[t('stores.name'), t('stores.created')]}>
          {rows.map((row) => (
            <tr key={row.store_id}>
              <td>{row.name}</td>
              <td>
                <When at={row.created_at} />
              </td>
            </tr>
          ))}
        </Sheet>
      )}
      <Cut rows={rows} total={found.data?.total ?? 0} />
    </Card>
  );
}

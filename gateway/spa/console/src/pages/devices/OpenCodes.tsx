/** Enrolment codes that nobody has used yet, and revoking one. */
import { chinaTime, ZONE } from '@shared/time';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Button, Popconfirm } from 'antd';
import { get, remove } from '../../api/client';
import { Card } from '../../parts/bits';
import { useSay } from '../../parts/say';
import { useText } from '../../texts';

export const LOOK_MS = 5_000;

/** Loaded again while there are any: a device may use one at any moment. */
function useOpenCodes(isNeeded: boolean) {
  return useQuery({
    queryKey: ['device-codes'],
    queryFn: () => get('/api/merchant/v1/devices/codes'),
    enabled: isNeeded,
    refetchInterval: ({ state }) => (state.data?.items.length ? LOOK_MS : false),
  });
}

export function OpenCodes() {
  const { t } = useText();
  const say = useSay();
  const queries = useQueryClient();
  const codes = useOpenCodes(true);
  const revoke = useMutation({
    mutationFn: (code_id: string) =>
      remove('/api/merchant/v1/devices/codes/{code_id}', { path: { code_id } }),
    onSuccess: () => say.done(t('devices.code_revoke_done')),
    onError: say.failed,
    onSettled: () => queries.invalidateQueries({ queryKey: ['device-codes'] }),
  });
  const items = codes.data?.items ?? [];
  if (items.length === 0) return null;
  return (
    <Card title={t('devices.open_codes')}>
      <ul className="lines">
        {items.map((one) => {
          const end = t('devices.code_ends', { end: one.ends_with });
          return (
            <li key={one.code_id} className="row">
              <strong className="mono" data-verbatim>
                {end}
              </strong>
              <span>{one.store_name}</span>
              {one.sn ? <span>{t('devices.code_only', { sn: one.sn })}</span> : null}
              <span className="soft">
                {t('devices.code_until', { until: `${chinaTime(one.expires_at)} ${ZONE}` })}
              </span>
              <Popconfirm
                placement="bottomRight"
                title={t('devices.code_revoke_sure')}
                okText={t('devices.code_revoke')}
                cancelText={t('do.cancel')}
                onConfirm={() => revoke.mutate(one.code_id)}
              >
                <Button
                  type="link"
                  danger
                  size="small"
                  aria-label={`${t('devices.code_revoke')} ${end}`}
                >
                  {t('devices.code_revoke')}
                </Button>
              </Popconfirm>
            </li>
          );
        })}
      </ul>
    </Card>
  );
}

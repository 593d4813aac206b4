/** Two pages have changed one record: shows the other person's changes and lets the person
 * choose. */

import { chinaTime, ZONE } from '@shared/time';
import { useQuery } from '@tanstack/react-query';
import { Button } from 'antd';
import { get } from '../../api/client';
import type { BoundApp } from '../../api/shapes';
import { Window } from '../../parts/forms/Window';
import { useText } from '../../texts';
import { whoChanged } from './draft';

interface Props {
  appId: string | null;
  before: BoundApp | null;
  onLoad: (now: BoundApp) => void;
  onOverwrite: (now: BoundApp) => void;
  onClose: () => void;
}

type Line = [string, string, string];

export function differences(
  before: BoundApp,
  now: BoundApp,
  words: Record<string, string>,
): Line[] {
  const facts = (app: BoundApp): Record<string, string> => ({
    enabled: app.enabled ? (words.on ?? '') : (words.off ?? ''),
    seller_id: app.seller_id || '—',
    mode: words[`mode_${app.key.mode}`] ?? '',
    fingerprint: app.key.fingerprint.slice(0, 23),
    alipay_key: `…${app.key.alipay_public_key.slice(-24)}`,
  });
  const [old, fresh] = [facts(before), facts(now)];
  return Object.keys(old)
    .filter((name) => old[name] !== fresh[name])
    .map((name) => [words[name] ?? name, old[name] ?? '', fresh[name] ?? '']);
}

function Differences({ before, now }: { before: BoundApp | null; now: BoundApp }) {
  const { t } = useText();
  const lines = before
    ? differences(before, now, {
        on: t('bind.on'),
        off: t('bind.off'),
        enabled: t('bind.enabled'),
        seller_id: t('bind.seller_id'),
        mode: t('bind.mode'),
        mode_key: t('bind.mode_key'),
        mode_cert: t('bind.mode_cert'),
        fingerprint: t('bind.private_key'),
        alipay_key: t('bind.alipay_key'),
      })
    : [];
  return (
    <>
      <p>
        {t('bind.conflict_who', {
          who: whoChanged(now, t),
          at: `${chinaTime(now.updated_at)} ${ZONE}`,
        })}
      </p>
      <table className="plain small">
        <thead>
          <tr>
            <th scope="col">{t('bind.conflict_field')}</th>
            <th scope="col">{t('bind.conflict_before')}</th>
            <th scope="col">{t('bind.conflict_now')}</th>
          </tr>
        </thead>
        <tbody>
          {lines.map(([name, old, fresh]) => (
            <tr key={name}>
              <td>{name}</td>
              <td className="mono">{old}</td>
              <td className="mono">{fresh}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

export function Conflict({ appId, before, onLoad, onOverwrite, onClose }: Props) {
  const { t } = useText();
  const found = useQuery({
    queryKey: ['apps', 'conflict', appId],
    queryFn: async () => {
      const { items } = await get('/api/merchant/v1/apps');
      return items.find((one) => one.app_id === appId) ?? null;
    },
    enabled: appId !== null,
    staleTime: 0,
  });
  const now = found.data;
  return (
    <Window
      open={appId !== null}
      title={t('bind.conflict_title')}
      onCancel={onClose}
      footer={
        now ? (
          <>
            <Button danger onClick={() => onOverwrite(now)}>
              {t('bind.conflict_overwrite')}
            </Button>
            <Button type="primary" onClick={() => onLoad(now)}>
              {t('bind.conflict_load')}
            </Button>
          </>
        ) : null
      }
    >
      {now ? <Differences before={before} now={now} /> : null}
    </Window>
  );
}

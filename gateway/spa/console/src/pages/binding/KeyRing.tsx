/** The keys of a bound app: the one in use, and older ones that only verify until they retire. */
import { useMutation } from '@tanstack/react-query';
import { Button } from 'antd';
import { post } from '../../api/client';
import type { AppKey, BoundApp } from '../../api/pending';
import { Card, Facts, Id, When } from '../../parts/bits';
import { useSay } from '../../parts/say';
import { useText } from '../../texts';
import { Findings } from './Findings';
import { PublicKey } from './KeyPairCard';

function KeyFacts({ found }: { found: AppKey }) {
  const { t } = useText();
  return (
    <Facts
      rows={[
        [t('bind.version'), `${found.key_version} · ${t('bind.bits', { bits: found.bits })}`],
        [
          t('bind.fingerprint'),
          <Id key="f" value={found.fingerprint} label={t('bind.fingerprint')} />,
        ],
        [t('bind.created'), <When key="c" at={found.created_at} />],
        [t('bind.last_used'), <When key="u" at={found.last_used_at} />],
        ...(found.not_after
          ? [
              [t('bind.retires'), <When key="r" at={found.not_after} />] as [
                string,
                React.ReactNode,
              ],
            ]
          : []),
      ]}
    />
  );
}

export function KeyRing({ app }: { app: BoundApp }) {
  const { t } = useText();
  const say = useSay();
  const probe = useMutation({
    mutationFn: () =>
      post('/api/merchant/v1/apps/{app_id}/probe', {}, { path: { app_id: app.app_id } }),
    onError: say.failed,
  });
  const older = (app.keys ?? []).filter((one) => one.key_version !== app.key.key_version);
  return (
    <Card title={t('bind.key_now')}>
      <div className="stack">
        <p className="soft small">{t('bind.key_facts')}</p>
        <KeyFacts found={app.key} />
        <PublicKey text={app.key.app_public_key} title={t('bind.app_public_key')} />
        {older.map((one) => (
          <KeyFacts key={one.key_version} found={one} />
        ))}
        <div>
          <Button onClick={() => probe.mutate()} loading={probe.isPending}>
            {t('bind.probe')}
          </Button>
          <p className="soft small">{t('bind.probe_hint')}</p>
        </div>
        {probe.data ? <Findings findings={probe.data.findings} /> : null}
      </div>
    </Card>
  );
}

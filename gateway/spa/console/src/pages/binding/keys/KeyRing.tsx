/** The keys of a bound app: the one in use, and older ones that only verify until they are
 * retired. */
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Alert, Button } from 'antd';
import type { ReactNode } from 'react';
import { post } from '../../../api/client';
import type { AppKey, BoundApp, RetiringKey } from '../../../api/shapes';
import { Card, Facts, Id, When } from '../../../parts/bits';
import { useSay } from '../../../parts/say';
import { useText } from '../../../texts';
import { Findings } from './Findings';
import { PublicKey } from './KeyPairCard';

function KeyFacts({ found }: { found: AppKey }) {
  const { t } = useText();
  const certificates: [string, ReactNode][] = found.certificates
    ? [
        [t('bind.app_cert'), <Until key="app" of={found.certificates.app_cert} />],
        [t('bind.alipay_cert'), <Until key="alipay" of={found.certificates.alipay_cert} />],
      ]
    : [];
  return (
    <Facts
      rows={[
        [t('bind.version'), `${found.key_version} · ${t('bind.bits', { bits: found.bits })}`],
        [
          t('bind.fingerprint'),
          <Id key="f" value={found.fingerprint} label={t('bind.fingerprint')} />,
        ],
        [t('bind.created'), <When key="c" at={found.created_at} />],
        [t('bind.used'), <Used key="u" at={found.last_used_at} />],
        ...certificates,
      ]}
    />
  );
}

/** The time of the last signature, to the minute; a key that has not signed yet is marked so. */
function Used({ at }: { at: string | null }) {
  const { t } = useText();
  return at ? <When at={at} /> : <span className="soft">{t('bind.never_used')}</span>;
}

function Until({ of }: { of: { sn: string; not_after: string } }) {
  const { t } = useText();
  return (
    <span title={of.sn}>
      {t('bind.valid_until')} <When at={of.not_after} />
    </span>
  );
}

function Retiring({ found }: { found: RetiringKey }) {
  const { t } = useText();
  return (
    <Facts
      rows={[
        [t('bind.version'), found.key_version],
        [t('bind.fingerprint'), <Id key="f" value={found.fingerprint} isShort />],
        [t('bind.created'), <When key="c" at={found.created_at} />],
        [t('bind.used'), <Used key="u" at={found.last_used_at} />],
        [t('bind.retires'), <When key="r" at={found.not_after} />],
      ]}
    />
  );
}

/** New keys are not used until a live call under them was verified. */
function Pending({ app }: { app: BoundApp }) {
  const { t, either } = useText();
  const check = app.live_check;
  if (check.state === 'verified') return null;
  const remedy = either(check.remedy_zh, check.remedy_en);
  return (
    <Alert
      type={check.state === 'failed' ? 'error' : 'warning'}
      showIcon
      title={t(app.in_use ? 'bind.pending' : 'bind.pending_first')}
      description={remedy || t('bind.pending_hint')}
    />
  );
}

export function KeyRing({ app }: { app: BoundApp }) {
  const { t } = useText();
  const say = useSay();
  const queries = useQueryClient();
  const probe = useMutation({
    mutationFn: () =>
      post('/api/merchant/v1/apps/{app_id}/probe', {}, { path: { app_id: app.app_id } }),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['apps'] }),
    onError: say.failed,
  });
  return (
    <Card title={t('bind.key_now')}>
      <div className="stack">
        <p className="soft small">{t('bind.key_facts')}</p>
        <Pending app={app} />
        <KeyFacts found={app.key} />
        {app.in_use ? (
          <Facts
            rows={[
              [t('bind.in_use'), app.in_use.key_version],
              [t('bind.fingerprint'), <Id key="f" value={app.in_use.fingerprint} isShort />],
              [t('bind.used'), <Used key="u" at={app.in_use.last_used_at} />],
            ]}
          />
        ) : null}
        <PublicKey text={app.key.app_public_key} title={t('bind.app_public_key')} />
        {app.retiring.map((one) => (
          <Retiring key={one.key_version} found={one} />
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

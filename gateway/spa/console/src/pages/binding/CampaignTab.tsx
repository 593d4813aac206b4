/** 业务配置: the default campaign (coupon after payment, draws, prizes); only its limits can be
 * changed. */

import { money } from '@shared/money';
import { useQuery } from '@tanstack/react-query';
import { Alert, Form, InputNumber } from 'antd';
import { get, put } from '../../api/client';
import type { campaign } from '../../api/generated';
import { Card, Facts } from '../../parts/bits';
import { SettingsForm } from '../../parts/forms/SettingsForm';
import { Failure, Loading } from '../../parts/states';
import { useSession } from '../../session/session';
import { useText } from '../../texts';

type Shape = campaign.components['schemas']['CampaignOut'];

/** A weight as a share of all weights, in hundredths of a percent, without floats. */
function chance(weight: number, all: number): string {
  if (all <= 0) return '—';
  const basis = Math.round((weight * 10_000) / all);
  return `${Math.floor(basis / 100)}.${String(basis % 100).padStart(2, '0')} %`;
}

function Prizes({ shape }: { shape: Shape }) {
  const { t, either } = useText();
  const prizes = shape.prizes ?? [];
  const all = prizes.reduce((sum, one) => sum + one.weight, shape.miss_weight);
  return (
    <Card title={t('campaign.prizes')}>
      <table className="plain">
        <thead>
          <tr>
            <th scope="col">{t('campaign.prize')}</th>
            <th scope="col" className="num">
              {t('campaign.chance')}
            </th>
            <th scope="col" className="num">
              {t('campaign.stock')}
            </th>
          </tr>
        </thead>
        <tbody>
          {prizes.map((one) => (
            <tr key={one.prize_id}>
              <td>{either(one.name, one.name_en)}</td>
              <td className="num">{chance(one.weight, all)}</td>
              <td className="num">
                {one.stock === null ? t('campaign.unlimited') : `${one.stock_left} / ${one.stock}`}
              </td>
            </tr>
          ))}
          <tr>
            <td>{t('campaign.miss')}</td>
            <td className="num">{chance(shape.miss_weight, all)}</td>
            <td className="num">—</td>
          </tr>
        </tbody>
      </table>
    </Card>
  );
}

type Limits = Pick<Shape, 'buyer_daily_max' | 'device_daily_max' | 'daily_max'>;
const LIMITS = ['buyer_daily_max', 'device_daily_max', 'daily_max'] as const;

function LimitsForm() {
  const { t } = useText();
  const { can } = useSession();
  return (
    <SettingsForm<Shape, Limits>
      title={t('campaign.limits')}
      lead={t('campaign.limits_lead')}
      queryKey="campaign"
      load={() => get('/api/merchant/v1/campaign') as Promise<Shape>}
      initial={(shape) => Object.fromEntries(LIMITS.map((name) => [name, shape[name]])) as Limits}
      save={(values, shape) =>
        put('/api/merchant/v1/campaign/limits', {
          buyer_daily_max: values.buyer_daily_max ?? null,
          device_daily_max: values.device_daily_max ?? null,
          daily_max: values.daily_max ?? null,
          version: shape.version,
        })
      }
      mayWrite={can('campaigns.write')}
      isPart
    >
      {(shape) => (
        <>
          {LIMITS.map((name) => (
            <Form.Item key={name} name={name} label={t(`campaign.${name}`)}>
              <InputNumber
                min={0}
                max={1_000_000}
                precision={0}
                placeholder={t('campaign.unlimited')}
              />
            </Form.Item>
          ))}
          <p>{t('campaign.rewards_today', { count: shape.rewards_today ?? 0 })}</p>
        </>
      )}
    </SettingsForm>
  );
}

export function CampaignTab() {
  const { t, either } = useText();
  const found = useQuery({
    queryKey: ['campaign'],
    queryFn: () => get('/api/merchant/v1/campaign'),
  });
  if (found.isPending) return <Loading />;
  if (found.isLoadingError) {
    return (
      <Card>
        <Failure error={found.error} retry={() => void found.refetch()} />
      </Card>
    );
  }
  const shape = found.data as Shape;
  return (
    <>
      <Alert style={{ marginBottom: 16 }} type="info" showIcon title={t('campaign.lead')} />
      <div className="two">
        <Card title={`${t('campaign.title')} · ${either(shape.title, shape.title_en)}`}>
          <Facts
            rows={[
              [t('campaign.poster'), t('campaign.poster_note')],
              [
                t('campaign.coupon'),
                <>
                  <strong>{either(shape.coupon_title, shape.coupon_title_en)}</strong>
                  <br />
                  {t('campaign.coupon_value', {
                    value: money(shape.coupon_value_fen),
                    threshold: money(shape.coupon_threshold_fen),
                    days: shape.coupon_valid_days,
                  })}
                </>,
              ],
              [t('campaign.draws'), t('campaign.draws_note', { count: shape.draws_per_payment })],
            ]}
          />
        </Card>
        <Prizes shape={shape} />
      </div>
      <LimitsForm />
    </>
  );
}

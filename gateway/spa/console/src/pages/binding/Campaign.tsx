/** 业务配置: the default campaign, read-only: coupon after payment, draws, prizes. */

import { money } from '@shared/money';
import { useQuery } from '@tanstack/react-query';
import { Alert } from 'antd';
import { get } from '../../api/client';
import type { campaign } from '../../api/generated';
import { Card, Facts } from '../../parts/bits';
import { Failure, Loading } from '../../parts/states';
import { useText } from '../../texts';

type Shape = campaign.components['schemas']['CampaignOut'];

/** A weight as a share of all weights, in hundredths of a percent, without floats on display. */
export function chance(weight: number, all: number): string {
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

export function Campaign() {
  const { t, either } = useText();
  const found = useQuery({
    queryKey: ['campaign'],
    queryFn: () => get('/api/merchant/v1/campaign'),
  });
  if (found.isPending) return <Loading />;
  if (found.isError) {
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
    </>
  );
}

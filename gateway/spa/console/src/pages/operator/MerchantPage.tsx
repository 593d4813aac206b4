/** One merchant, and the way to act on its behalf: with a reason, for a while, on their record. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Alert, Button, Form, Input, InputNumber } from 'antd';
import { useNavigate, useParams } from 'react-router';
import { get, post } from '../../api/client';
import type { Merchant } from '../../api/shapes';
import { Card, Facts, Id, PageHead, When } from '../../parts/bits';
import { Dialog } from '../../parts/Dialog';
import { Failure, Loading } from '../../parts/states';
import { useRequired } from '../../parts/useRequired';
import { word } from '../../parts/words';
import { useText } from '../../texts';
import { AskMore } from '../acting/AskMore';

const MINUTES_MAX = 60;

function Act({ merchant }: { merchant: Merchant }) {
  const { t } = useText();
  const required = useRequired();
  const queries = useQueryClient();
  const navigate = useNavigate();
  return (
    <Dialog<{ reason: string; minutes: number }, unknown>
      label={t('acting.start')}
      title={t('acting.title', { merchant: merchant.name })}
      button={{ type: 'primary' }}
      initial={{ minutes: 30 }}
      save={(values) =>
        post('/api/operator/v1/acting', { ...values, merchant_id: merchant.merchant_id })
      }
      refresh={[]}
      onSaved={() => {
        // First what one may do there, then the page: the other way round it is the operators' own.
        void queries.invalidateQueries().then(() => navigate('/'));
      }}
    >
      <Form.Item>
        <Alert type="info" showIcon title={t('acting.note')} />
      </Form.Item>
      <Form.Item name="reason" label={t('acting.reason')} rules={required(t('acting.reason'))}>
        <Input maxLength={200} />
      </Form.Item>
      <Form.Item name="minutes" label={t('acting.minutes')} rules={required(t('acting.minutes'))}>
        <InputNumber min={1} max={MINUTES_MAX} style={{ width: '100%' }} />
      </Form.Item>
    </Dialog>
  );
}

export default function MerchantPage() {
  const { t } = useText();
  const navigate = useNavigate();
  const { merchantId = '' } = useParams();
  const found = useQuery({
    queryKey: ['merchants', 'one', merchantId],
    queryFn: () =>
      get('/api/operator/v1/merchants/{merchant_id}', { path: { merchant_id: merchantId } }),
  });
  const merchant = found.data;
  return (
    <>
      <PageHead
        title={merchant?.name ?? t('merchants.title')}
        actions={
          <>
            <Button onClick={() => navigate('/merchants')}>{t('do.back')}</Button>
            {merchant ? (
              <AskMore merchantId={merchant.merchant_id} merchantName={merchant.name} />
            ) : null}
            {merchant ? <Act merchant={merchant} /> : null}
          </>
        }
      />
      {found.isPending ? (
        <Loading />
      ) : found.isError ? (
        <Card>
          <Failure error={found.error} retry={() => void found.refetch()} />
        </Card>
      ) : (
        <Card title={t('merchant.title')}>
          <Facts
            rows={[
              [
                t('merchant.id'),
                <Id key="id" value={found.data.merchant_id} label={t('merchant.id')} />,
              ],
              [
                t('merchant.handle'),
                <Id key="handle" value={found.data.handle} label={t('merchant.handle')} />,
              ],
              [t('merchant.edition'), word(t, 'edition', found.data.edition)],
              [t('merchant.support'), found.data.support_contact || '—'],
              [t('merchant.dual'), t(found.data.dual_control ? 'bind.on' : 'bind.off')],
              [t('merchants.created'), <When key="at" at={found.data.created_at} />],
            ]}
          />
        </Card>
      )}
    </>
  );
}

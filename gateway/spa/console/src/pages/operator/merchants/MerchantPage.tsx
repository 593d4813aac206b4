/** One merchant as operators see it: figures, setup, stores, devices and owners; with buttons to
 * act for it, to help its owner to sign in, and to suspend it. */
import { money } from '@shared/money';
import { chinaTime, ZONE } from '@shared/time';
import { useQuery } from '@tanstack/react-query';
import { Alert, Form, Input, InputNumber } from 'antd';
import { useParams } from 'react-router';
import { get, patch, post } from '../../../api/client';
import type { MerchantDetail } from '../../../api/shapes';
import { Card, Facts, Id, PageHead, When } from '../../../parts/bits';
import { CopyId } from '../../../parts/CopyId';
import { AskMore } from '../../../parts/forms/AskMore';
import { Dialog } from '../../../parts/forms/Dialog';
import { ReasonField } from '../../../parts/forms/Reason';
import { NAME_MAX, useRequired } from '../../../parts/forms/useRequired';
import { GoButton } from '../../../parts/GoButton';
import { Failure, Loading } from '../../../parts/states';
import { word } from '../../../parts/words';
import { useSession } from '../../../session/session';
import { notifyOthers, openAnew } from '../../../session/windows';
import { useText } from '../../../texts';
import { figuresOf, LOOK_AGAIN_MS } from '../figures';
import { DevicesOf, StoresOf } from './Belongings';
import { LastPaid } from './LastPaid';
import { KnownName } from './NewMerchant';
import { Owners } from './Owners';
import { Progress, Suspended } from './Progress';

const MINUTES_MAX = 60;

function Act({ merchant }: { merchant: MerchantDetail }) {
  const { t } = useText();
  const required = useRequired();
  return (
    <Dialog<{ reason: string; minutes: number }, unknown>
      label={t('acting.start')}
      title={t('acting.title', { merchant: merchant.name })}
      button={{ type: 'primary' }}
      okText={t('acting.begin')}
      done={t('acting.begun')}
      initial={{ minutes: 30 }}
      save={({ reason, minutes }) =>
        post('/api/operator/v1/acting', {
          reason: reason.trim(),
          minutes,
          merchant_id: merchant.merchant_id,
        })
      }
      refresh={[]}
      onSaved={() => {
        // Opens that merchant's home page anew, without anything of the operators' pages.
        notifyOthers();
        openAnew('/');
      }}
    >
      <Form.Item>
        <Alert type="info" showIcon title={t('acting.note')} />
      </Form.Item>
      <ReasonField />
      <Form.Item name="minutes" label={t('acting.minutes')} rules={required(t('acting.minutes'))}>
        <InputNumber min={1} max={MINUTES_MAX} style={{ width: '100%' }} />
      </Form.Item>
    </Dialog>
  );
}

function Rename({ merchant }: { merchant: MerchantDetail }) {
  const { t } = useText();
  const required = useRequired();
  const path = { merchant_id: merchant.merchant_id };
  return (
    <Dialog<{ name: string }, unknown>
      label={t('cockpit.rename')}
      done={t('cockpit.renamed')}
      button={{ size: 'small' }}
      initial={{ name: merchant.name }}
      save={({ name }) =>
        patch(
          '/api/operator/v1/merchants/{merchant_id}',
          { name: name.trim(), version: merchant.version },
          { path },
        )
      }
      refresh={['merchants']}
    >
      <Form.Item
        name="name"
        label={t('merchant.name')}
        rules={required(t('merchant.name'), NAME_MAX)}
      >
        <Input />
      </Form.Item>
      <KnownName except={merchant.merchant_id} />
      <p className="soft">{t('cockpit.rename_note')}</p>
    </Dialog>
  );
}

function Suspension({ merchant }: { merchant: MerchantDetail }) {
  const { t } = useText();
  const verb = merchant.suspended_at ? 'resume' : 'suspend';
  return (
    <Dialog<{ reason: string }, unknown>
      key={verb}
      label={t(`cockpit.${verb}`)}
      title={`${t(`cockpit.${verb}`)} · ${merchant.name}`}
      button={verb === 'suspend' ? { danger: true } : {}}
      okText={t(`cockpit.${verb}`)}
      done={t(`cockpit.${verb}_done`)}
      isDangerous={verb === 'suspend'}
      save={({ reason }) =>
        post(
          `/api/operator/v1/merchants/{merchant_id}/${verb}`,
          { reason: reason.trim() },
          { path: { merchant_id: merchant.merchant_id } },
        )
      }
      refresh={['merchants', 'grants']}
    >
      <p>{t(`cockpit.${verb}_lead`)}</p>
      <ReasonField />
      <p className="soft">{t('cockpit.both_logs')}</p>
    </Dialog>
  );
}

function Figures({ merchant }: { merchant: MerchantDetail }) {
  const { t } = useText();
  const id = merchant.merchant_id;
  const response = useQuery({
    queryKey: ['figures', id],
    queryFn: async () => (await figuresOf([id])).get(id) ?? null,
    refetchInterval: LOOK_AGAIN_MS,
  });
  const figures = response.data ?? undefined;
  return (
    <div className="figures">
      <div className="figures-row">
        <Card>
          <p className="figure-label">{t('cockpit.today')}</p>
          <p className="figure">{figures ? money(figures.paid_fen) : '—'}</p>
          <p className="figure-note">
            {figures ? t('cockpit.count', { count: figures.count }) : t('cockpit.unknown')}
            {figures && figures.refunded_fen > 0
              ? ` · ${t('cockpit.refunded', { amount: money(figures.refunded_fen) })}`
              : ''}
          </p>
        </Card>
        <Card>
          <p className="figure-label">{t('cockpit.last')}</p>
          <LastPaid figures={figures} />
        </Card>
        <Card>
          <p className="figure-label">{t('cockpit.progress')}</p>
          {merchant.suspended_at ? (
            <Suspended at={merchant.suspended_at} />
          ) : (
            <Progress progress={merchant.progress} isFull />
          )}
        </Card>
      </div>
    </div>
  );
}

function About({ merchant }: { merchant: MerchantDetail }) {
  const { t } = useText();
  const { can } = useSession();
  return (
    <Card
      title={t('cockpit.facts')}
      extra={can('merchants.write') ? <Rename merchant={merchant} /> : null}
    >
      <Facts
        rows={[
          [
            t('merchant.handle'),
            <Id key="h" value={merchant.handle} label={t('merchant.handle')} />,
          ],
          [
            t('cockpit.size'),
            t('cockpit.size_told', {
              stores: merchant.stores,
              staff: merchant.staff,
              apps: merchant.apps,
            }),
          ],
          [t('merchant.edition'), word(t, 'edition', merchant.edition)],
          [t('merchant.support'), merchant.support_contact || '—'],
          [t('merchant.dual'), t(merchant.dual_control ? 'bind.on' : 'bind.off')],
          [t('merchants.created'), <When key="at" at={merchant.created_at} />],
          [
            t('merchant.id'),
            <CopyId key="id" value={merchant.merchant_id} label={t('merchant.id')} />,
          ],
        ]}
      />
    </Card>
  );
}

function Shown({ merchant }: { merchant: MerchantDetail }) {
  const { t } = useText();
  const { can } = useSession();
  return (
    <>
      {merchant.suspended_at ? (
        <Alert
          className="block"
          type="error"
          showIcon
          title={t('cockpit.suspended_note', {
            at: `${chinaTime(merchant.suspended_at)} ${ZONE}`,
            reason: merchant.suspended_reason,
          })}
        />
      ) : null}
      {merchant.namesakes > 0 ? (
        <Alert
          className="block"
          type="warning"
          showIcon
          title={t('cockpit.namesakes_note', {
            count: merchant.namesakes,
            handle: merchant.handle,
          })}
        />
      ) : null}
      <Figures merchant={merchant} />
      <div className="two even">
        <div>
          <DevicesOf merchantId={merchant.merchant_id} />
          <StoresOf merchantId={merchant.merchant_id} />
        </div>
        <div>
          <About merchant={merchant} />
          {can('merchants.write') ? (
            <Owners
              merchantId={merchant.merchant_id}
              isSuspended={merchant.suspended_at !== null}
            />
          ) : null}
        </div>
      </div>
    </>
  );
}

export default function MerchantPage() {
  const { t } = useText();
  const { can } = useSession();
  const { merchantId = '' } = useParams();
  const found = useQuery({
    queryKey: ['merchants', 'one', merchantId],
    queryFn: () =>
      get('/api/operator/v1/merchants/{merchant_id}', { path: { merchant_id: merchantId } }),
    refetchInterval: LOOK_AGAIN_MS,
  });
  const merchant = found.data;
  return (
    <>
      <PageHead
        title={merchant?.name ?? t('merchants.title')}
        actions={
          <>
            <GoButton to="/merchants">{t('do.back')}</GoButton>
            {merchant && can('merchants.write') ? <Suspension merchant={merchant} /> : null}
            {merchant ? (
              <AskMore merchantId={merchant.merchant_id} merchantName={merchant.name} />
            ) : null}
            {merchant ? <Act merchant={merchant} /> : null}
          </>
        }
      />
      {found.isPending ? (
        <Loading />
      ) : found.isLoadingError ? (
        <Card>
          <Failure error={found.error} retry={() => void found.refetch()} />
        </Card>
      ) : (
        <Shown merchant={found.data} />
      )}
    </>
  );
}

/** The record that both binding pages show: the app, its form, its keys, and waiting changes. */
import { useQuery } from '@tanstack/react-query';
import { Alert, Select } from 'antd';
import { useState } from 'react';
import { get } from '../../api/client';
import type { BoundApp } from '../../api/shapes';
import { Card, When } from '../../parts/bits';
import { GoButton } from '../../parts/GoButton';
import { Failure, Loading } from '../../parts/states';
import { useText } from '../../texts';
import { Approvals } from './Approvals';
import { BindingForm } from './BindingForm';
import { whoChanged } from './draft';
import { KeyRing } from './keys/KeyRing';

const NEW = 'new';

type Side = 'mini' | 'iot';

/** Both pages change the same record. */
function SameRecord({ side }: { side: Side }) {
  const { t } = useText();
  return (
    <Alert
      style={{ marginBottom: 16 }}
      type="info"
      showIcon
      title={t('bind.same_record', {
        other: t(side === 'mini' ? 'bind.other_iot' : 'bind.other_mini'),
      })}
      action={
        <GoButton type="link" to={side === 'mini' ? '/dragonfly?tab=iot' : '/miniprogram'}>
          {t(side === 'mini' ? 'bind.tab_iot' : 'bind.mini_title')}
        </GoButton>
      }
    />
  );
}

function ChooseApp({
  items,
  app,
  onChoose,
}: {
  items: BoundApp[];
  app: BoundApp | null;
  onChoose: (appId: string) => void;
}) {
  const { t } = useText();
  return (
    <div className="row" style={{ marginBottom: 16 }}>
      <span className="soft">{t('bind.app')}</span>
      <Select
        aria-label={t('bind.app')}
        value={app?.app_id ?? NEW}
        onChange={onChoose}
        popupMatchSelectWidth={false}
        options={[
          ...items.map((one) => ({ value: one.app_id, label: one.app_id })),
          { value: NEW, label: t('bind.new_app') },
        ]}
      />
      {app ? (
        <span className="soft small">
          {t('bind.changed_by', { who: whoChanged(app, t) })} <When at={app.updated_at} />
        </span>
      ) : null}
    </div>
  );
}

export function BindingRecord({ side }: { side: Side }) {
  const [chosen, setChosen] = useState<string | null>(null);
  const [saves, setSaves] = useState(0);
  const apps = useQuery({ queryKey: ['apps', 'all'], queryFn: () => get('/api/merchant/v1/apps') });
  if (apps.isPending) return <Loading />;
  if (apps.isLoadingError) {
    return (
      <Card>
        <Failure error={apps.error} retry={() => void apps.refetch()} />
      </Card>
    );
  }
  const items = apps.data.items;
  const app =
    chosen === NEW ? null : (items.find((one) => one.app_id === chosen) ?? items[0] ?? null);
  return (
    <>
      <SameRecord side={side} />
      {items.length > 0 ? <ChooseApp items={items} app={app} onChoose={setChosen} /> : null}
      <div className="two">
        <div>
          <BindingForm
            // A change that waits for approval has no effect yet, so the form shows the present
            // values.
            key={`${app?.app_id ?? NEW} ${app?.version ?? 0} ${saves}`}
            app={app}
            onSaved={(appId) => {
              setChosen(appId);
              setSaves((times) => times + 1);
            }}
          />
        </div>
        <div>
          {app ? <KeyRing key={app.app_id} app={app} /> : null}
          <Approvals />
        </div>
      </div>
    </>
  );
}

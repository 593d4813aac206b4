/** An enrolment code for one device, shown once, as text and as a QR code. */
import { chinaTime, ZONE } from '@shared/time';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Alert, Button, Form, QRCode } from 'antd';
import { useEffect, useLayoutEffect, useState } from 'react';
import { Link } from 'react-router';
import { get, post } from '../../api/client';
import type { device } from '../../api/generated';
import { StoreSelect } from '../../lookups/StoreSelect';
import { useStores } from '../../lookups/stores';
import { CopyButton } from '../../parts/bits';
import { EntryForm } from '../../parts/forms/EntryForm';
import { Window } from '../../parts/forms/Window';
import { OPEN_NEW } from '../../parts/openNew';
import { Calm } from '../../parts/states';
import { useText } from '../../texts';
import { SandboxCommand } from './HowTo';
import { LOOK_MS } from './OpenCodes';

type Code = device.components['schemas']['CodeOut'];
type Became = device.components['schemas']['CodeStateOut'];

/** The state of the code at the platform: a device may use it at any moment. */
function useBecame(code: Code | undefined): Became | undefined {
  const queries = useQueryClient();
  const code_id = code?.code_id ?? '';
  const { data } = useQuery({
    queryKey: ['device-code', code_id],
    queryFn: () => get('/api/merchant/v1/devices/codes/{code_id}', { path: { code_id } }),
    enabled: code !== undefined,
    refetchInterval: ({ state }) => ((state.data?.state ?? 'open') === 'open' ? LOOK_MS : false),
  });
  const isOver = data !== undefined && data.state !== 'open';
  useEffect(() => {
    if (!isOver) return;
    for (const key of ['devices', 'device-codes']) {
      void queries.invalidateQueries({ queryKey: [key] });
    }
  }, [isOver, queries]);
  return data;
}

/** Updates by itself, because the person is at the device. Only when the platform reports the
 * code as used does it say that a device was enrolled. */
function CodeStatus({ became }: { became: Became | undefined }) {
  const { t } = useText();
  const state = became?.state ?? 'open';
  if (state === 'open') return <p className="soft">{t('devices.code_waiting')}</p>;
  if (state !== 'used') {
    return <Alert type="warning" showIcon title={t(`problem.device.code_${state}`)} />;
  }
  return (
    <Alert
      type="success"
      showIcon
      title={t('devices.code_done')}
      description={<span data-verbatim>{became?.device?.name ?? became?.device?.sn}</span>}
    />
  );
}

function Made({ code, became }: { code: Code; became: Became | undefined }) {
  const { t } = useText();
  return (
    <div className="stack">
      <p className="figure mono" data-verbatim>
        {code.code} <CopyButton text={code.code} />
      </p>
      <p className="soft">
        {t('devices.code_shown', { until: `${chinaTime(code.expires_at)} ${ZONE}` })}
      </p>
      <div className="qr" aria-hidden="true">
        <QRCode value={code.code} type="svg" bordered={false} color="#16211f" bgColor="#fff" />
      </div>
      <SandboxCommand />
      <div aria-live="polite">
        <CodeStatus became={became} />
      </div>
    </div>
  );
}

/** A code belongs to a store. Without any store, this leads to the page that creates one. */
function NoStore() {
  const { t } = useText();
  return (
    <Calm
      title={t('cashier.no_store')}
      hint={t('devices.no_store_hint')}
      action={<Link to={`/stores${OPEN_NEW}`}>{t('cashier.to_stores')}</Link>}
    />
  );
}

interface Choice {
  store_id: string;
}

/** Chooses the store of the code; the one of the header, or else the first, is preselected. */
function ChooseStore({
  send,
  isBusy,
}: {
  send: (choice: Choice) => Promise<Code>;
  isBusy: boolean;
}) {
  const { t } = useText();
  const { stores, storeId } = useStores();
  const [form] = Form.useForm<Choice>();
  const preselected = storeId ?? stores[0]?.store_id;
  useLayoutEffect(() => {
    // Not as an initial value: the dialog may be open before the stores are loaded, and would then
    // stay without one.
    if (preselected && !form.getFieldValue('store_id')) {
      form.setFieldsValue({ store_id: preselected });
    }
  }, [preselected, form]);
  return (
    <EntryForm<Choice> form={form} isOnce send={send}>
      <Form.Item name="store_id" label={t('devices.code_for')} rules={[{ required: true }]}>
        <StoreSelect />
      </Form.Item>
      <Button type="primary" htmlType="submit" loading={isBusy}>
        {t('devices.code')}
      </Button>
    </EntryForm>
  );
}

export function NewCode({ opensAtOnce = false }: { opensAtOnce?: boolean }) {
  const { t } = useText();
  const queries = useQueryClient();
  const { stores, isKnown } = useStores();
  const [isOpen, setOpen] = useState(false);
  useEffect(() => {
    // Opened after the stores are loaded: without any it says so instead of asking for one.
    if (opensAtOnce && isKnown) setOpen(true);
  }, [opensAtOnce, isKnown]);
  const make = useMutation({
    mutationFn: (choice: Choice) => post('/api/merchant/v1/devices/codes', { ...choice }),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['device-codes'] }),
  });
  const became = useBecame(make.data);
  const isWaiting = make.data !== undefined && (became?.state ?? 'open') === 'open';
  const isUsed = became?.state === 'used';
  const close = () => {
    setOpen(false);
    make.reset();
  };
  return (
    <>
      <Button type="primary" onClick={() => setOpen(true)}>
        {t('devices.code')}
      </Button>
      <Window
        open={isOpen}
        title={t(isWaiting ? 'devices.code_made' : isUsed ? 'devices.code_used' : 'devices.code')}
        footer={null}
        isOnce={isWaiting}
        onCancel={close}
      >
        {make.data ? (
          <Made code={make.data} became={became} />
        ) : isKnown && stores.length === 0 ? (
          <NoStore />
        ) : (
          <ChooseStore send={make.mutateAsync} isBusy={make.isPending} />
        )}
      </Window>
    </>
  );
}

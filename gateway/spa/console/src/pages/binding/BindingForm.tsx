/** The binding form, which two pages share (S31–S37): switch, AppID, keys, doctor, save. */

import { ApiProblem } from '@shared/problem';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Alert, Button, Form, Input, Switch } from 'antd';
import { useState } from 'react';
import { get, put } from '../../api/client';
import type { BoundApp, KeyPair } from '../../api/shapes';
import { Card } from '../../parts/bits';
import { EntryForm } from '../../parts/forms/EntryForm';
import { GoButton } from '../../parts/GoButton';
import { SandboxLink, useSandboxPage } from '../../parts/sandbox';
import { useSay } from '../../parts/say';
import { useSession } from '../../session/session';
import { useText } from '../../texts';
import { Conflict } from './Conflict';
import { Doctor, type Lacks, useDoctor } from './Doctor';
import { changeOf, type Draft, draftOf, hasKey, lacksOf } from './draft';
import { KeyFields } from './KeyFields';
import { keptDraft } from './keptDraft';
import { SandboxApp } from './SandboxApp';

const STALE = 'binding.stale_version';
function Help() {
  const { t } = useText();
  const isSandbox = useSandboxPage() !== null;
  return (
    <details>
      <summary>{t('bind.how')}</summary>
      <ol>
        <li>{t('bind.how1')}</li>
        <li>{t('bind.how2')}</li>
        <li>{t('bind.how3')}</li>
      </ol>
      {isSandbox ? (
        <p>
          {t('sandbox.how')} <SandboxLink tab="platform" />
        </p>
      ) : null}
    </details>
  );
}

function Advanced({ app }: { app: BoundApp | null }) {
  const { t } = useText();
  const state = (isSet: boolean | undefined) => t(isSet ? 'bind.has' : 'bind.has_not');
  return (
    <details>
      <summary>{t('bind.advanced')}</summary>
      <div style={{ paddingTop: 16 }}>
        <Form.Item
          name="aes_key"
          label={t('bind.aes')}
          extra={t('bind.aes_hint', { state: state(app?.has_aes_key) })}
        >
          <Input autoComplete="off" spellCheck={false} className="mono" />
        </Form.Item>
        <Form.Item
          name="app_auth_token"
          label={t('bind.token')}
          extra={t('bind.aes_hint', { state: state(app?.has_app_auth_token) })}
        >
          <Input autoComplete="off" spellCheck={false} className="mono" />
        </Form.Item>
      </div>
    </details>
  );
}

function useSaving(app: BoundApp | null, onSaved: (appId: string) => void) {
  const { t } = useText();
  const say = useSay();
  const queries = useQueryClient();
  const [stale, setStale] = useState<{ draft: Draft; pair: KeyPair | null } | null>(null);
  const save = useMutation({
    mutationFn: ({
      draft,
      pair,
      base,
    }: {
      draft: Draft;
      pair: KeyPair | null;
      base: BoundApp | null;
    }) => put('/api/merchant/v1/apps', changeOf(draft, base, pair)),
    onSuccess: async (answer, { draft }) => {
      setStale(null);
      say.done(t('change_id' in answer ? 'bind.awaits' : 'bind.saved'));
      await Promise.all([
        queries.invalidateQueries({ queryKey: ['apps'] }),
        queries.invalidateQueries({ queryKey: ['onboarding'] }),
      ]);
      onSaved(draft.app_id);
    },
  });
  const start = async (draft: Draft, pair: KeyPair | null, base = app) => {
    try {
      await save.mutateAsync({ draft, pair, base });
    } catch (error) {
      if (!(error instanceof ApiProblem && error.code === STALE)) throw error;
      setStale({ draft, pair });
    }
  };
  return { save, stale, setStale, start };
}

/** Fills in the changes that were made here before and not saved. */
function Unsaved({ onGiveUp }: { onGiveUp: () => void }) {
  const { t } = useText();
  return (
    <Form.Item>
      <Alert
        type="info"
        showIcon
        title={t('bind.unsaved')}
        action={<Button onClick={onGiveUp}>{t('bind.give_up')}</Button>}
      />
    </Form.Item>
  );
}

/** The pair that was just made, or an earlier one that waits: its public key may be at Alipay
 * already. */
function usePair(isWanted: boolean) {
  const [made, setPair] = useState<KeyPair | null>(null);
  const waiting = useQuery({
    queryKey: ['apps', 'key-pairs'],
    queryFn: () => get('/api/merchant/v1/apps/key-pairs'),
    enabled: isWanted,
    staleTime: 0,
  });
  return { pair: made ?? waiting.data?.items[0] ?? null, setPair };
}

function AppFields({ isNew, mayWrite }: { isNew: boolean; mayWrite: boolean }) {
  const { t } = useText();
  return (
    <>
      <Form.Item name="enabled" label={t('bind.enabled')} valuePropName="checked">
        <Switch checkedChildren={t('bind.on')} unCheckedChildren={t('bind.off')} />
      </Form.Item>
      <Form.Item
        name="app_id"
        label={t('bind.app_id')}
        extra={t('bind.app_id_hint')}
        rules={[
          { required: true, message: t('field.required', { label: t('bind.app_id') }) },
          { pattern: /^\s*\d{16}\s*$/, message: t('bind.app_id_bad') },
        ]}
      >
        <Input inputMode="numeric" maxLength={24} disabled={!isNew || !mayWrite} className="mono" />
      </Form.Item>
      <Form.Item
        name="seller_id"
        label={t('bind.seller_id')}
        extra={t('bind.seller_id_hint')}
        rules={[{ pattern: /^\s*(2088\d{12})?\s*$/, message: t('bind.seller_id_bad') }]}
      >
        <Input inputMode="numeric" maxLength={24} className="mono" />
      </Form.Item>
      <Form.Item>
        <Alert
          type="warning"
          showIcon
          title={t('bind.mixup_title')}
          description={t('bind.mixup')}
        />
      </Form.Item>
    </>
  );
}

function Save({ isPending, isRefused }: { isPending: boolean; isRefused: boolean }) {
  const { t } = useText();
  return (
    <div className="row">
      <Button type="primary" htmlType="submit" loading={isPending} disabled={isRefused}>
        {t('bind.save')}
      </Button>
      <GoButton to="/onboarding">{t('bind.to_wizard')}</GoButton>
      <span className="soft small">{t('bind.kept')}</span>
    </div>
  );
}

/** Somebody else saved first: shows their changes and lets the person choose. */
function Stale({ app, saving }: { app: BoundApp | null; saving: ReturnType<typeof useSaving> }) {
  const say = useSay();
  const queries = useQueryClient();
  const { stale, setStale, start } = saving;
  return (
    <Conflict
      appId={stale ? stale.draft.app_id.trim() : null}
      before={app}
      onClose={() => setStale(null)}
      onLoad={() => {
        setStale(null);
        void queries.invalidateQueries({ queryKey: ['apps'] });
      }}
      onOverwrite={(now) => {
        if (stale) void start(stale.draft, stale.pair, now).catch(say.failed);
      }}
    />
  );
}

type Saved = (appId: string) => void;

/** The state of the form: its values, the doctor's findings, the kept draft, and saving. */
function useBinding(app: BoundApp | null, onSaved: Saved) {
  const { can, session } = useSession();
  const mayWrite = can('apps.write');
  const merchantId = session.acting?.merchant_id ?? session.merchant?.merchant_id ?? '';
  const [kept, setKept] = useState(() => keptDraft.of(merchantId, app));
  const first = { ...draftOf(app), ...kept };
  const [lacks, setLacks] = useState<Lacks>({ names: [], isAll: false });
  const [form] = Form.useForm<Draft>();
  const { pair, setPair } = usePair(mayWrite);
  const doctor = useDoctor(app, form);
  const saving = useSaving(app, (appId) => {
    setPair(null);
    doctor.reset();
    keptDraft.forget(merchantId, app);
    onSaved(appId);
  });
  const checkWith = (own: KeyPair | null) => {
    const draft = { ...first, ...form.getFieldsValue(true) };
    const isAll = !hasKey(draft, own);
    setLacks({ names: lacksOf(draft, app, own), isAll });
    if (isAll) doctor.reset();
    else doctor.mutate({ draft, pair: own });
  };
  const keep = () => keptDraft.keep(merchantId, app, form.getFieldsValue(true));
  const giveUp = () => {
    keptDraft.forget(merchantId, app);
    setKept({});
    form.setFieldsValue(draftOf(app));
    doctor.reset();
  };
  const check = () => checkWith(pair);
  const send = (values: Draft) =>
    saving.start({ ...first, ...form.getFieldsValue(true), ...values }, pair);
  const isUnsaved = app !== null && mayWrite && Object.keys(kept).length > 0;
  return {
    form,
    first,
    isUnsaved,
    lacks,
    pair,
    setPair,
    doctor,
    saving,
    mayWrite,
    check,
    checkWith,
    keep,
    giveUp,
    send,
  };
}

export function BindingForm({ app, onSaved }: { app: BoundApp | null; onSaved: Saved }) {
  const binding = useBinding(app, onSaved);
  const { form, first, lacks, pair, setPair, doctor, saving, mayWrite } = binding;
  const { check, checkWith, keep, giveUp, send, isUnsaved } = binding;
  const { save } = saving;
  const isRefused = doctor.data?.can_save === false;
  return (
    <>
      <Card>
        <EntryForm<Draft>
          form={form}
          initialValues={first}
          disabled={!mayWrite}
          onValuesChange={keep}
          send={send}
        >
          {isUnsaved ? <Unsaved onGiveUp={giveUp} /> : null}
          {app === null && mayWrite ? (
            <SandboxApp
              pair={pair}
              onPair={setPair}
              onFilled={(own) => {
                keep();
                checkWith(own);
              }}
            />
          ) : null}
          <AppFields isNew={app === null} mayWrite={mayWrite} />
          <KeyFields app={app} pair={pair} onPair={setPair} onPasted={check} onFilled={keep} />
          <div className="stack">
            <Advanced app={app} />
            <Help />
            {mayWrite ? <Save isPending={save.isPending} isRefused={isRefused} /> : null}
          </div>
        </EntryForm>
      </Card>
      {mayWrite ? <Doctor doctor={doctor} lacks={lacks} onCheck={check} /> : null}
      <Stale app={app} saving={saving} />
    </>
  );
}

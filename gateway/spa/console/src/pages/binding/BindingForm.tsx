/** The one binding form behind two pages (S31–S37): switch, AppID, keys, doctor, save. */

import { ApiProblem, inLanguage } from '@shared/problem';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Alert, Button, Form, type FormInstance, Input, Switch } from 'antd';
import { useState } from 'react';
import { get, post, put } from '../../api/client';
import type { BoundApp, KeyPair } from '../../api/shapes';
import { Card } from '../../parts/bits';
import { EntryForm, useRefusal } from '../../parts/forms/EntryForm';
import { GoButton } from '../../parts/GoButton';
import { SandboxLink, useSandboxPage } from '../../parts/sandbox';
import { useSay } from '../../parts/say';
import { useSession } from '../../session/session';
import { type TextKey, useText } from '../../texts';
import { Conflict } from './Conflict';
import { changeOf, type Draft, draftOf, hasKey, lacksOf } from './draft';
import { KeyFields } from './KeyFields';
import { keptDraft } from './keptDraft';
import { Findings } from './keys/Findings';
import { SandboxApp } from './SandboxApp';

export const STALE = 'binding.stale_version';
const APP_ID = /^\d{16}$/;

function useDoctor(app: BoundApp | null, form: FormInstance<Draft>) {
  const refuse = useRefusal(form);
  const { language } = useText();
  return useMutation({
    mutationFn: ({ draft, pair }: { draft: Draft; pair: KeyPair | null }) => {
      const change = changeOf(draft, app, pair);
      return post('/api/merchant/v1/apps/key-check', {
        // The form says itself what is wrong with an AppID; the keys are looked at all the same.
        ...(APP_ID.test(change.app_id) ? { app_id: change.app_id } : {}),
        ...(change.app_private_key ? { app_private_key: change.app_private_key } : {}),
        ...(change.key_pair_id ? { key_pair_id: change.key_pair_id } : {}),
        ...(draft.mode === 'key' && draft.alipay_public_key.trim()
          ? { alipay_public_key: draft.alipay_public_key }
          : {}),
      });
    },
    onSuccess: ({ findings }) => {
      const wrong = findings.filter((one) => one.level === 'error');
      form.setFields(
        wrong.map((one) => ({
          name: one.field as keyof Draft,
          errors: [inLanguage(one.title, language)],
        })),
      );
    },
    onError: (error) => {
      // Without this door the server still checks everything when it saves.
      if (!(error instanceof ApiProblem && (error.status === 404 || error.status === 405))) {
        refuse(error);
      }
    },
  });
}

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

interface Lacks {
  names: TextKey[];
  /** there was no key at all to look at */
  isAll: boolean;
}

function Verdict({ canSave, lacks }: { canSave: boolean; lacks: Lacks }) {
  const { t } = useText();
  if (!canSave) return <Alert type="error" showIcon title={t('bind.doctor_bad')} />;
  if (lacks.names.length === 0)
    return <Alert type="success" showIcon title={t('bind.doctor_ok')} />;
  const fields = lacks.names.map((name) => t(name)).join(t('bind.and'));
  return <Alert type="info" showIcon title={t('bind.doctor_lacks', { fields })} />;
}

function Nothing({ names }: Pick<Lacks, 'names'>) {
  const { t } = useText();
  const fields = names.map((name) => t(name)).join(t('bind.and'));
  const title = fields ? t('bind.doctor_nothing', { fields }) : t('bind.doctor_certs');
  return <Alert type="info" showIcon title={title} />;
}

function Doctor({
  doctor,
  lacks,
  onCheck,
}: {
  doctor: ReturnType<typeof useDoctor>;
  lacks: Lacks;
  onCheck: () => void;
}) {
  const { t } = useText();
  const report = doctor.data;
  return (
    <Card
      title={t('bind.doctor')}
      extra={
        <Button onClick={onCheck} loading={doctor.isPending}>
          {t('bind.check')}
        </Button>
      }
    >
      {lacks.isAll ? (
        <Nothing names={lacks.names} />
      ) : report ? (
        <div className="stack">
          <Verdict canSave={report.can_save} lacks={lacks} />
          <Findings findings={report.findings} />
        </div>
      ) : (
        <p className="soft">{t('bind.doctor_hint')}</p>
      )}
    </Card>
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

/** What was changed here before, and not saved, stands in the form again. */
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

/** The pair just made, or the one that waits since before: its public half may be at Alipay already. */
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

export function BindingForm({
  app,
  onSaved,
}: {
  app: BoundApp | null;
  onSaved: (appId: string) => void;
}) {
  const { t } = useText();
  const say = useSay();
  const { can, session } = useSession();
  const queries = useQueryClient();
  const merchantId = session.acting?.merchant_id ?? session.merchant?.merchant_id ?? '';
  const [kept, setKept] = useState(() => keptDraft.of(merchantId, app));
  const first = { ...draftOf(app), ...kept };
  const [lacks, setLacks] = useState<Lacks>({ names: [], isAll: false });
  const [form] = Form.useForm<Draft>();
  const { pair, setPair } = usePair(can('apps.write'));
  const doctor = useDoctor(app, form);
  const { save, stale, setStale, start } = useSaving(app, (appId) => {
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
  const mayWrite = can('apps.write');
  return (
    <>
      <Card>
        <EntryForm<Draft>
          form={form}
          initialValues={first}
          disabled={!mayWrite}
          onValuesChange={keep}
          send={(values) => start({ ...first, ...form.getFieldsValue(true), ...values }, pair)}
        >
          {app !== null && mayWrite && Object.keys(kept).length > 0 ? (
            <Unsaved onGiveUp={giveUp} />
          ) : null}
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
            <Input
              inputMode="numeric"
              maxLength={24}
              disabled={app !== null || !mayWrite}
              className="mono"
            />
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
          <KeyFields app={app} pair={pair} onPair={setPair} onPasted={check} onFilled={keep} />
          <div className="stack">
            <Advanced app={app} />
            <Help />
            {mayWrite ? (
              <div className="row">
                <Button
                  type="primary"
                  htmlType="submit"
                  loading={save.isPending}
                  disabled={doctor.data?.can_save === false}
                >
                  {t('bind.save')}
                </Button>
                <GoButton to="/onboarding">{t('bind.to_wizard')}</GoButton>
                <span className="soft small">{t('bind.kept')}</span>
              </div>
            ) : null}
          </div>
        </EntryForm>
      </Card>
      {mayWrite ? <Doctor doctor={doctor} lacks={lacks} onCheck={check} /> : null}
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
    </>
  );
}

/** The key doctor: shows what is wrong with the keys in the form before anything is saved. */
import { ApiProblem, inLanguage } from '@shared/problem';
import { useMutation } from '@tanstack/react-query';
import { Alert, Button, type FormInstance } from 'antd';
import { post } from '../../api/client';
import type { BoundApp, KeyPair } from '../../api/shapes';
import { Card } from '../../parts/bits';
import { useRefusal } from '../../parts/forms/EntryForm';
import { type TextKey, useText } from '../../texts';
import { changeOf, type Draft } from './draft';
import { Findings } from './keys/Findings';

const APP_ID = /^\d{16}$/;

export function useDoctor(app: BoundApp | null, form: FormInstance<Draft>) {
  const refuse = useRefusal(form);
  const { language } = useText();
  return useMutation({
    mutationFn: ({ draft, pair }: { draft: Draft; pair: KeyPair | null }) => {
      const change = changeOf(draft, app, pair);
      return post('/api/merchant/v1/apps/key-check', {
        // The form reports a wrong AppID itself; the keys are examined all the same.
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
      // If this request fails, the server still checks everything when the form is saved.
      if (!(error instanceof ApiProblem && (error.status === 404 || error.status === 405))) {
        refuse(error);
      }
    },
  });
}

export interface Lacks {
  names: TextKey[];
  /** there was no key to examine */
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

export function Doctor({
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

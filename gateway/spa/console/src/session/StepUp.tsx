/** Asks for the password again when the server requires it, and continues the interrupted call. */
import { useQueryClient } from '@tanstack/react-query';
import { Alert, Form } from 'antd';
import { useEffect, useRef, useState } from 'react';
import { at, onRefusal, post } from '../api/client';
import { Window } from '../parts/forms/Window';
import { useText } from '../texts';
import { PasswordItem } from './PasswordItem';
import {
  PasskeyFault,
  passkeyHindrance,
  proveByPasskey,
  type SecondFactorNeeded,
  secondFactorNeeded,
} from './passkey';
import { refusalText } from './refusalText';
import { CodeField, PasskeyButton } from './SecondStep';
import { useSession } from './session';

/** Whether the dialog is open, and the calls that wait for it. */
function useQuestion() {
  const [isOpen, setOpen] = useState(false);
  const [isOverDialog, setOverDialog] = useState(false);
  const [fault, setFault] = useState('');
  // A second call while the dialog is open, as by a double click, waits for the same result.
  const waiting = useRef<((confirmed: boolean) => void)[]>([]);

  useEffect(() => {
    onRefusal.stepUp = () =>
      new Promise<boolean>((resolve) => {
        if (waiting.current.push(resolve) > 1) return;
        setFault('');
        setOverDialog(document.querySelector('.ant-modal-wrap:not([style*="none"])') !== null);
        setOpen(true);
      });
    return () => {
      onRefusal.stepUp = async () => false;
    };
  }, []);

  const answer = (confirmed: boolean) => {
    setOpen(false);
    for (const settle of waiting.current.splice(0)) settle(confirmed);
  };
  return { isOpen, isOverDialog, fault, setFault, answer };
}

interface Entry {
  password: string;
  code?: string;
}

/** The ways to confirm the person's identity. */
function useProofs(setFault: (fault: string) => void, onEnd: (confirmed: boolean) => void) {
  const { t, language } = useText();
  const { console } = useSession();
  const queries = useQueryClient();
  const [isBusy, setBusy] = useState(false);
  const [needed, setNeeded] = useState<SecondFactorNeeded | null>(null);

  const end = (confirmed: boolean) => {
    setNeeded(null); // the session tells by now what is set up
    onEnd(confirmed);
  };

  const confirm = async ({ password, code }: Entry) => {
    setBusy(true);
    setFault('');
    try {
      const given = { password, ...(code ? { code: code.trim() } : {}) };
      await post(at(console, '/session/step-up'), given);
      end(true);
    } catch (error) {
      const needed = secondFactorNeeded(error);
      if (needed) {
        // The second factor was set up in another window, after this one had loaded the session.
        setNeeded(needed);
        void queries.invalidateQueries({ queryKey: ['who'] });
      }
      setFault(refusalText(t, language, error));
    } finally {
      setBusy(false);
    }
  };

  const prove = async () => {
    setBusy(true);
    setFault('');
    try {
      const { options } = await post(at(console, '/passkeys/challenge'), {});
      const passkey = await proveByPasskey(options);
      await post(at(console, '/session/step-up'), { passkey });
      end(true);
    } catch (error) {
      if (error instanceof PasskeyFault) setFault(t(error.key));
      else setFault(refusalText(t, language, error));
    } finally {
      setBusy(false);
    }
  };

  return { isBusy, needed, confirm, prove, end };
}

export function StepUp() {
  const { t } = useText();
  const { session } = useSession();
  const [form] = Form.useForm<Entry>();
  const { isOpen, isOverDialog, fault, setFault, answer } = useQuestion();
  const { isBusy, needed, confirm, prove, end } = useProofs(setFault, (confirmed) => {
    form.resetFields();
    answer(confirmed);
  });
  const hasApp = session.user.has_authenticator_app || needed?.methods.includes('code') === true;
  return (
    <Window
      open={isOpen}
      title={t('stepup.title')}
      okText={t('do.confirm')}
      cancelText={t('do.cancel')}
      confirmLoading={isBusy}
      onOk={() => form.submit()}
      onCancel={() => end(false)}
      zIndex={1200}
      // Over a dialog there is a mask already; a second one would be too dark.
      {...(isOverDialog ? { styles: { mask: { background: 'transparent' } } } : {})}
    >
      <p className="soft">{t('stepup.why')}</p>
      {fault ? <Alert type="error" showIcon title={fault} role="alert" /> : null}
      {session.user.has_passkeys && !passkeyHindrance() ? (
        <PasskeyButton isBusy={isBusy} isMain={false} onPress={() => void prove()} />
      ) : null}
      <Form form={form} layout="vertical" onFinish={confirm} requiredMark={false}>
        <PasswordItem
          kind="current"
          name="password"
          label={t('login.password')}
          rules={[{ required: true, message: t('field.required', { label: t('login.password') }) }]}
        />
        {session.user.has_second_factor || needed ? (
          <CodeField hasApp={hasApp} autoFocus={false} />
        ) : null}
      </Form>
    </Window>
  );
}

/** The session has ended while somebody was at work: they sign in over the page, what they entered
 * stays, and the interrupted call goes on. */
import { useQueryClient } from '@tanstack/react-query';
import { Alert, Form, Input } from 'antd';
import { useEffect, useRef, useState } from 'react';
import { csrf, onRefusal } from '../api/client';
import type { PasskeyProof } from '../api/shapes';
import { useRequired } from '../parts/useRequired';
import { Window } from '../parts/Window';
import { useText } from '../texts';
import { PASSWORD_INPUT_MAX } from './NewPassword';
import {
  PasskeyFault,
  proveByPasskey,
  type SecondFactorNeeded,
  secondFactorNeeded,
} from './passkey';
import { CodeField, PasskeyButton } from './SecondStep';
import { signIn, useSession } from './session';
import { told } from './told';
import { tellOthers } from './windows';

interface Entry {
  password: string;
  code?: string;
}

/** Answers the calls that wait, all of them, and asks once however many there are. */
function useWaiting(open: () => void) {
  const waiting = useRef<((isBack: boolean) => void)[]>([]);
  const { session } = useSession();
  const queries = useQueryClient();
  const isActing = Boolean(session.acting);
  const leave = useRef(() => undefined as undefined);
  leave.current = () => {
    csrf.forget();
    sessionStorage.setItem('damselfly.expired', '1');
    queries.setQueryData(['who'], null);
    tellOthers();
    return undefined;
  };
  const opening = useRef(open);
  opening.current = open;
  useEffect(() => {
    onRefusal.signedOut = () => {
      // Whoever acts for a merchant acts no longer: going on would be at another place.
      if (isActing) {
        leave.current();
        return Promise.resolve(false);
      }
      opening.current();
      return new Promise<boolean>((resolve) => waiting.current.push(resolve));
    };
    return () => {
      onRefusal.signedOut = async () => false;
    };
  }, [isActing]);
  return (isBack: boolean) => {
    for (const settle of waiting.current.splice(0)) settle(isBack);
    if (!isBack) leave.current();
  };
}

export function SignInAgain() {
  const { t, language } = useText();
  const required = useRequired();
  const queries = useQueryClient();
  const { console, session } = useSession();
  const [form] = Form.useForm<Entry>();
  const [isOpen, setOpen] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const [needed, setNeeded] = useState<SecondFactorNeeded | null>(null);
  const [fault, setFault] = useState('');
  const settle = useWaiting(() => setOpen(true));

  const end = (isBack: boolean) => {
    setOpen(false);
    setNeeded(null);
    setFault('');
    settle(isBack);
  };

  const enter = async (
    { password, code }: Entry,
    factor: { code?: string; passkey?: PasskeyProof } = code ? { code: code.trim() } : {},
  ) => {
    setBusy(true);
    setFault('');
    try {
      await signIn(console, session.user.login, password, factor);
      end(true);
      await queries.invalidateQueries({ queryKey: ['who'] });
    } catch (error) {
      const asked = secondFactorNeeded(error);
      if (asked) setNeeded(asked);
      else setFault(told(t, language, error));
    } finally {
      setBusy(false);
    }
  };

  const prove = async (options: Record<string, unknown>) => {
    try {
      await enter(form.getFieldsValue(), { passkey: await proveByPasskey(options) });
    } catch (error) {
      if (!(error instanceof PasskeyFault)) throw error;
      setFault(t(error.key));
    }
  };

  return (
    <Window
      open={isOpen}
      title={t('again.title')}
      okText={t('login.submit')}
      cancelText={t('again.leave')}
      confirmLoading={isBusy}
      onOk={() => form.submit()}
      onCancel={() => end(false)}
      zIndex={1250}
    >
      <p className="soft">{t('again.why', { login: session.user.login })}</p>
      {fault ? <Alert type="error" showIcon title={fault} role="alert" /> : null}
      <Form<Entry>
        form={form}
        layout="vertical"
        requiredMark={false}
        preserve={false}
        onFinish={(entry) => void enter(entry)}
      >
        <Form.Item
          name="password"
          label={t('login.password')}
          rules={required(t('login.password'))}
        >
          <Input.Password autoComplete="current-password" maxLength={PASSWORD_INPUT_MAX} />
        </Form.Item>
        {needed?.passkey ? (
          <PasskeyButton isBusy={isBusy} onPress={() => void prove(needed.passkey ?? {})} />
        ) : null}
        {needed ? (
          <CodeField hasApp={needed.methods.includes('code')} autoFocus={!needed.passkey} />
        ) : null}
      </Form>
    </Window>
  );
}

/** The session has ended while somebody was at work: they sign in over the page, their entries
 * stay, and the interrupted call continues. */
import { useQueryClient } from '@tanstack/react-query';
import { Alert, Form } from 'antd';
import { useEffect, useRef, useState } from 'react';
import { csrf, ending, onRefusal } from '../api/client';
import { useRequired } from '../parts/forms/useRequired';
import { Window } from '../parts/forms/Window';
import { useText } from '../texts';
import { PasswordItem } from './PasswordItem';
import { SecondStep } from './SecondStep';
import { useSession } from './session';
import { useSignIn } from './useSignIn';
import { notifyOthers } from './windows';

interface Entry {
  password: string;
  code?: string;
}

/** Answers all waiting calls, and shows one dialog however many there are. */
function useWaiting(open: () => void) {
  const waiting = useRef<((isBack: boolean) => void)[]>([]);
  const { session } = useSession();
  const queries = useQueryClient();
  const isActing = Boolean(session.acting);
  const leave = useRef(() => undefined as undefined);
  leave.current = () => {
    csrf.forget();
    ending.keep('expired');
    queries.setQueryData(['who'], null);
    notifyOthers();
    return undefined;
  };
  const opening = useRef(open);
  opening.current = open;
  useEffect(() => {
    onRefusal.signedOut = () => {
      // The acting has ended with the session: continuing would happen at another merchant.
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
  const { t } = useText();
  const required = useRequired();
  const { console, session } = useSession();
  const [form] = Form.useForm<Entry>();
  const [isOpen, setOpen] = useState(false);
  const settle = useWaiting(() => setOpen(true));
  const signing = useSignIn(() => end(true));
  const end = (isBack: boolean) => {
    setOpen(false);
    signing.forget();
    settle(isBack);
  };
  const entrant = (password: string) => ({ console, login: session.user.login, password });

  return (
    <Window
      open={isOpen}
      title={t('again.title')}
      okText={t('login.submit')}
      cancelText={t('again.leave')}
      confirmLoading={signing.isBusy}
      onOk={() => form.submit()}
      onCancel={() => end(false)}
      zIndex={1250}
    >
      <p className="soft">{t('again.why', { login: session.user.login })}</p>
      {signing.fault ? <Alert type="error" showIcon title={signing.fault} role="alert" /> : null}
      <Form<Entry>
        form={form}
        layout="vertical"
        requiredMark={false}
        preserve={false}
        onFinish={({ password, code }) => void signing.enter(entrant(password), { code })}
      >
        <PasswordItem
          kind="current"
          name="password"
          label={t('login.password')}
          rules={required(t('login.password'))}
        />
        <SecondStep
          signing={signing}
          onPasskey={() => signing.prove(entrant(form.getFieldValue('password')))}
        />
      </Form>
    </Window>
  );
}

/** The way in, for merchants and for the operator. */

import { ApiProblem } from '@shared/problem';
import { useQueryClient } from '@tanstack/react-query';
import { Alert, Button, Form, Input, Segmented } from 'antd';
import { useEffect, useState } from 'react';
import { useLocation } from 'react-router';
import type { Console } from '../api/client';
import type { PasskeyProof } from '../api/shapes';
import { useAbout } from '../parts/sandbox';
import { useText } from '../texts';
import { Entrance } from './Entrance';
import { PASSWORD_INPUT_MAX } from './NewPassword';
import {
  PasskeyFault,
  proveByPasskey,
  type SecondFactorNeeded,
  secondFactorNeeded,
} from './passkey';
import { CodeField, PasskeyButton } from './SecondStep';
import { FIRST_RUN, lastConsole, signIn } from './session';
import { told } from './told';

interface Entry {
  login: string;
  password: string;
  code?: string;
}

/** What is said of a passkey that was looked at and did not serve. */
const REFUSED = new Set(['auth.wrong_passkey', 'auth.passkey_late', 'auth.passkey_copied']);

export default function Login() {
  const { t, language } = useText();
  const queries = useQueryClient();
  const { pathname } = useLocation();
  const [console, setConsole] = useState<Console>(lastConsole());
  const [fault, setFault] = useState('');
  const [isWrong, setWrong] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const [needed, setNeeded] = useState<SecondFactorNeeded | null>(null);
  const [form] = Form.useForm<Entry>();
  const [hasExpired] = useState(() => sessionStorage.getItem('damselfly.expired') === '1');
  const about = useAbout();

  useEffect(() => {
    sessionStorage.removeItem('damselfly.expired');
    document.title = `${t('login.title')} · ${t('app.name')}`;
  }, [t]);

  const enter = async (
    { login, password, code }: Entry,
    factor: { code?: string; passkey?: PasskeyProof } = code ? { code: code.trim() } : {},
  ) => {
    setBusy(true);
    setFault('');
    setWrong(false);
    try {
      await signIn(console, login, password, factor);
      await queries.invalidateQueries({ queryKey: ['who'] });
    } catch (error) {
      const asked = secondFactorNeeded(error);
      // Told to everybody alike: whether the login is known at the other one is nobody's business.
      setWrong(error instanceof ApiProblem && error.code === 'auth.bad_credentials');
      if (asked) setNeeded(asked);
      else setFault(told(t, language, error));
      // A refused passkey spent its challenge: for another try there has to be another. After
      // anything else (a brake, no network) one more sign-in would only make it worse.
      if (factor.passkey && error instanceof ApiProblem && REFUSED.has(error.code)) {
        const again = await askAgain(console, login, password);
        // A session after all, when the second factor was taken away meanwhile.
        if (again === 'open') await queries.invalidateQueries({ queryKey: ['who'] });
        else setNeeded(again);
      }
    } finally {
      setBusy(false);
    }
  };

  const prove = async (options: Record<string, unknown>) => {
    setFault('');
    try {
      const passkey = await proveByPasskey(options);
      await enter(form.getFieldsValue(['login', 'password']) as Entry, { passkey });
    } catch (error) {
      if (!(error instanceof PasskeyFault)) throw error;
      setFault(t(error.key));
    }
  };

  const choose = (chosen: Console) => {
    setConsole(chosen);
    setNeeded(null);
    setFault('');
  };
  const other: Console = console === 'merchant' ? 'operator' : 'merchant';
  const tabs = { here: t(`login.${console}`), there: t(`login.${other}`) };

  return (
    <Entrance title={t('login.title')}>
      {pathname === FIRST_RUN ? <Alert type="info" showIcon title={t('first.over')} /> : null}
      {hasExpired ? <Alert type="info" showIcon title={t('login.expired')} /> : null}
      {fault ? (
        <Alert
          type="error"
          showIcon
          title={fault}
          role="alert"
          {...(isWrong
            ? {
                description: t('login.wrong_tab', tabs),
                action: (
                  <Button size="small" onClick={() => choose(other)}>
                    {t('login.other_tab', tabs)}
                  </Button>
                ),
              }
            : {})}
        />
      ) : null}
      <Form<Entry>
        form={form}
        layout="vertical"
        size="large"
        requiredMark={false}
        onFinish={(entry) => enter(entry)}
        onValuesChange={(changed) => {
          // Another person's second factor, perhaps.
          if (!('code' in changed)) setNeeded(null);
        }}
      >
        <Form.Item label={t('login.console')}>
          <Segmented<Console>
            block
            name="console"
            aria-label={t('login.console')}
            value={console}
            onChange={choose}
            options={[
              { value: 'merchant', label: t('login.merchant') },
              { value: 'operator', label: t('login.operator') },
            ]}
          />
        </Form.Item>
        <Form.Item
          name="login"
          label={t('login.login')}
          {...(console === 'merchant' ? { extra: t('login.hint') } : {})}
          rules={[{ required: true, message: t('field.required', { label: t('login.login') }) }]}
        >
          <Input autoComplete="username" autoFocus maxLength={64} />
        </Form.Item>
        <Form.Item
          name="password"
          label={t('login.password')}
          rules={[{ required: true, message: t('field.required', { label: t('login.password') }) }]}
        >
          <Input.Password autoComplete="current-password" maxLength={PASSWORD_INPUT_MAX} />
        </Form.Item>
        {needed?.passkey ? (
          <PasskeyButton isBusy={isBusy} onPress={() => void prove(needed.passkey ?? {})} />
        ) : null}
        {needed ? (
          <CodeField hasApp={needed.methods.includes('code')} autoFocus={!needed.passkey} />
        ) : null}
        <Button
          type={needed?.passkey ? 'default' : 'primary'}
          htmlType="submit"
          block
          loading={isBusy}
        >
          {t('login.submit')}
        </Button>
      </Form>
      {about.data?.is_sandbox ? <p className="soft small">{t('login.sandbox')}</p> : null}
    </Entrance>
  );
}

/** What is asked for now; open: nothing, there is a session; null: the password, again. */
async function askAgain(
  console: Console,
  login: string,
  password: string,
): Promise<SecondFactorNeeded | 'open' | null> {
  try {
    await signIn(console, login, password);
  } catch (error) {
    return secondFactorNeeded(error);
  }
  return 'open';
}

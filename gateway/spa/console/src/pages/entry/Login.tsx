/** The sign-in, for merchants and for the operator. */

import { Alert, Button, Form, Input, Segmented } from 'antd';
import { useEffect, useState } from 'react';
import { useLocation } from 'react-router';
import { type Console, ending } from '../../api/client';
import { useAbout } from '../../parts/sandbox';
import { Entrance } from '../../session/Entrance';
import { PasswordItem } from '../../session/PasswordItem';
import { SecondStep } from '../../session/SecondStep';
import { FIRST_RUN, lastConsole } from '../../session/session';
import { useSignIn } from '../../session/useSignIn';
import { useText } from '../../texts';

interface Entry {
  login: string;
  password: string;
  code?: string;
}

interface Choice {
  console: Console;
  onChoose: (console: Console) => void;
}

/** Why the person has to sign in again, and what was wrong with the last try. */
function SignInNotice({
  signing,
  console,
  onChoose,
}: Choice & { signing: ReturnType<typeof useSignIn> }) {
  const { t } = useText();
  const { pathname } = useLocation();
  const [ended] = useState(ending.get);

  useEffect(() => {
    ending.forget();
  }, []);

  const other: Console = console === 'merchant' ? 'operator' : 'merchant';
  const tabs = { here: t(`login.${console}`), there: t(`login.${other}`) };

  return (
    <>
      {pathname === FIRST_RUN ? <Alert type="info" showIcon title={t('first.over')} /> : null}
      {ended ? (
        <Alert
          type={ended === 'suspended' ? 'warning' : 'info'}
          showIcon
          title={t(`login.${ended}`)}
          role="status"
        />
      ) : null}
      {signing.fault ? (
        <Alert
          type="error"
          showIcon
          title={signing.fault}
          role="alert"
          {...(signing.isWrong
            ? {
                // The same for everybody, so that it does not reveal whether a login exists.
                description: t('login.wrong_tab', tabs),
                action: (
                  <Button size="small" onClick={() => onChoose(other)}>
                    {t('login.other_tab', tabs)}
                  </Button>
                ),
              }
            : {})}
        />
      ) : null}
    </>
  );
}

function ConsoleItem({ console, onChoose }: Choice) {
  const { t } = useText();
  return (
    <Form.Item label={t('login.console')}>
      <Segmented<Console>
        block
        name="console"
        aria-label={t('login.console')}
        value={console}
        onChange={onChoose}
        options={[
          { value: 'merchant', label: t('login.merchant') },
          { value: 'operator', label: t('login.operator') },
        ]}
      />
    </Form.Item>
  );
}

export default function Login() {
  const { t } = useText();
  const [console, setConsole] = useState<Console>(lastConsole());
  const signing = useSignIn();
  const [form] = Form.useForm<Entry>();
  const about = useAbout();

  const choose = (chosen: Console) => {
    setConsole(chosen);
    signing.forget();
  };
  return (
    <Entrance title={t('login.title')}>
      <SignInNotice signing={signing} console={console} onChoose={choose} />
      <Form<Entry>
        form={form}
        layout="vertical"
        size="large"
        requiredMark={false}
        onFinish={({ code, ...entry }) => signing.enter({ console, ...entry }, { code })}
        onValuesChange={(changed) => {
          if (!('code' in changed)) signing.forgetFactor();
        }}
      >
        <ConsoleItem console={console} onChoose={choose} />
        <Form.Item
          name="login"
          label={t('login.login')}
          {...(console === 'merchant' ? { extra: t('login.hint') } : {})}
          rules={[{ required: true, message: t('field.required', { label: t('login.login') }) }]}
        >
          <Input autoComplete="username" autoFocus maxLength={64} />
        </Form.Item>
        <PasswordItem
          kind="current"
          name="password"
          label={t('login.password')}
          rules={[{ required: true, message: t('field.required', { label: t('login.password') }) }]}
        />
        <SecondStep
          signing={signing}
          onPasskey={() =>
            signing.prove({ console, ...form.getFieldsValue(['login', 'password']) })
          }
        />
        <Button
          type={signing.needed?.passkey ? 'default' : 'primary'}
          htmlType="submit"
          block
          loading={signing.isBusy}
        >
          {t('login.submit')}
        </Button>
      </Form>
      {about.data?.is_sandbox ? <p className="soft small">{t('login.sandbox')}</p> : null}
    </Entrance>
  );
}

/** The second step of the sign-in and the step-up, after the password: a passkey, or a code. */
import { KeyOutlined } from '@ant-design/icons';
import { Button, Divider, Form, Input } from 'antd';
import { useRequired } from '../parts/forms/useRequired';
import { useText } from '../texts';
import type { useSignIn } from './useSignIn';

export function PasskeyButton({
  isBusy,
  isMain = true,
  onPress,
}: {
  isBusy: boolean;
  isMain?: boolean;
  onPress: () => void;
}) {
  const { t } = useText();
  return (
    <>
      <Button
        {...(isMain ? { type: 'primary' as const } : {})}
        block
        icon={<KeyOutlined />}
        loading={isBusy}
        onClick={onPress}
      >
        {t('passkey.use')}
      </Button>
      <Divider plain>{t('passkey.or')}</Divider>
    </>
  );
}

/** A code of the app or a recovery code; only a recovery code if there is no app. */
export function CodeField({ hasApp, autoFocus }: { hasApp: boolean; autoFocus: boolean }) {
  const { t } = useText();
  const required = useRequired();
  const label = hasApp ? t('login.code') : t('login.recovery_code');
  return (
    <Form.Item
      name="code"
      label={label}
      extra={hasApp ? t('login.code_hint') : t('login.recovery_hint')}
      rules={required(label)}
    >
      <Input className="mono" autoComplete="one-time-code" autoFocus={autoFocus} maxLength={32} />
    </Form.Item>
  );
}

/** The second step in the form of the sign-in; nothing until it is needed. */
export function SecondStep({
  signing: { needed, isBusy },
  onPasskey,
}: {
  signing: Pick<ReturnType<typeof useSignIn>, 'needed' | 'isBusy'>;
  onPasskey: () => Promise<void>;
}) {
  if (!needed) return null;
  return (
    <>
      {needed.passkey ? <PasskeyButton isBusy={isBusy} onPress={() => void onPasskey()} /> : null}
      <CodeField hasApp={needed.methods.includes('code')} autoFocus={!needed.passkey} />
    </>
  );
}

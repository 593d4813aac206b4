/** The username, to which the merchant's handle is added as a login. The rule is that of
 * services/binding/tenancy/logins.py; blanks are refused, because they would be mistyped at the
 * sign-in. */
import { Form, Input } from 'antd';
import { useText } from '../../texts';
import { useRequired } from './useRequired';

export function UsernameField({ label, handle }: { label: string; handle: string }) {
  const { t } = useText();
  const required = useRequired();
  const username: string = Form.useWatch('username') ?? '';
  const ending = `@${handle}`;
  return (
    <Form.Item
      name="username"
      label={label}
      extra={
        <span data-verbatim>
          {t('staff.login_will_be', { login: `${username.trim() || '…'}${ending}` })}
        </span>
      }
      rules={[
        ...required(label),
        { pattern: /^[^@＠﹫]*$/, message: t('staff.username_at', { ending }) },
        { pattern: /^\s*\S*\s*$/, message: t('staff.username_blank') },
      ]}
    >
      <Input autoComplete="off" maxLength={40} suffix={<span className="soft">{ending}</span>} />
    </Form.Item>
  );
}

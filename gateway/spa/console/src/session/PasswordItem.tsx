/** A password field. The password is taken unchanged; blanks around it are pointed out. */
import { Form, type FormItemProps, Input } from 'antd';
import { useText } from '../texts';

/** In characters as the server counts them: one beyond U+FFFF counts as one, not two. */
export const PASSWORD_LENGTH = { min: 12, max: 128 };
/** At least the longest password that the server takes, so that a pasted one is never cut
 * silently. */
export const PASSWORD_INPUT_MAX = 2 * PASSWORD_LENGTH.max;

export function PasswordItem({
  kind,
  autoFocus = false,
  extra,
  ...item
}: Omit<FormItemProps, 'children' | 'name'> & {
  name: string;
  kind: 'current' | 'new';
  autoFocus?: boolean;
}) {
  const { t } = useText();
  const typed: string = Form.useWatch(item.name) ?? '';
  const hint = typed !== typed.trim() ? t('login.password_blanks') : extra;
  return (
    <Form.Item {...item} {...(hint ? { extra: hint } : {})}>
      <Input.Password
        autoComplete={`${kind}-password`}
        autoFocus={autoFocus}
        maxLength={PASSWORD_INPUT_MAX}
      />
    </Form.Item>
  );
}

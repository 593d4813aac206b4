/** A password that is typed or pasted. It is taken as it is: blanks around it are pointed at. */
import { Form, type FormItemProps, Input } from 'antd';
import { useText } from '../texts';

/** In characters as the server counts them: one beyond U+FFFF is one, not two. */
export const PASSWORD_LENGTH = { min: 12, max: 128 };
/** Never shorter than a password that the server takes, so that nothing pasted is cut in silence. */
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

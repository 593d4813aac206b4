/** A new password and its repetition: the same two fields wherever one is chosen. */
import { useRequired } from '../parts/forms/useRequired';
import { useText } from '../texts';
import { PASSWORD_LENGTH, PasswordItem } from './PasswordItem';

export function fitsPassword(text: string): boolean {
  const count = [...text].length;
  return count >= PASSWORD_LENGTH.min && count <= PASSWORD_LENGTH.max;
}

export function NewPassword({
  name,
  label,
  autoFocus = false,
}: {
  /** the name in the form; the repetition is `repeat` */
  name: string;
  label?: string;
  autoFocus?: boolean;
}) {
  const { t } = useText();
  const required = useRequired();
  const labelText = label ?? t('account.new_password');
  const refuse = (isRefused: boolean, message: string) =>
    isRefused ? Promise.reject(new Error(message)) : Promise.resolve();
  return (
    <>
      <PasswordItem
        kind="new"
        autoFocus={autoFocus}
        name={name}
        label={labelText}
        extra={t('account.password_rule')}
        rules={[
          ...required(labelText),
          {
            validator: (_, value: string | undefined) =>
              refuse(Boolean(value) && !fitsPassword(value ?? ''), t('account.password_length')),
          },
        ]}
      />
      <PasswordItem
        kind="new"
        name="repeat"
        label={t('account.repeat_password')}
        dependencies={[name]}
        rules={[
          ...required(t('account.repeat_password')),
          ({ getFieldValue }) => ({
            validator: (_, value: string | undefined) =>
              refuse(Boolean(value) && value !== getFieldValue(name), t('account.repeat_differs')),
          }),
        ]}
      />
    </>
  );
}

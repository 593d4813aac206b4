/** The rule "please fill in", with the field's own name in it; blanks alone fill nothing in. */
import { useText } from '../texts';

export function useRequired() {
  const { t } = useText();
  return (label: string) => {
    const message = t('field.required', { label });
    return [
      { required: true, message },
      {
        validator: (_: unknown, value: unknown) =>
          typeof value === 'string' && value !== '' && value.trim() === ''
            ? Promise.reject(new Error(message))
            : Promise.resolve(),
      },
    ];
  };
}

/** The rule "please fill in", with the field's own name in it. */
import { useText } from '../texts';

export function useRequired() {
  const { t } = useText();
  return (label: string) => [{ required: true, message: t('field.required', { label }) }];
}

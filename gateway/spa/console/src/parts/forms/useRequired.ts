/** The rules "please fill in" and "not too long", with the field's name. Blanks alone do not
 * count as filled in; a text that is too long is reported, not cut while it is pasted. */
import { useText } from '../../texts';

/** The API's limit for the names of people, stores, devices and merchants. */
export const NAME_MAX = 64;

export function useAtMost() {
  const { t } = useText();
  return (max: number) => ({
    validator: (_: unknown, value: unknown) =>
      typeof value === 'string' && [...value.trim()].length > max
        ? Promise.reject(new Error(t('fault.string_too_long_of', { max })))
        : Promise.resolve(),
  });
}

/** The rule "please choose", for lists. */
export function useChosen() {
  const { t } = useText();
  return (label: string) => [{ required: true, message: t('field.chosen', { label }) }];
}

export function useRequired() {
  const { t } = useText();
  const atMost = useAtMost();
  return (label: string, max?: number) => {
    const message = t('field.required', { label });
    return [
      { required: true, message },
      {
        validator: (_: unknown, value: unknown) =>
          typeof value === 'string' && value !== '' && value.trim() === ''
            ? Promise.reject(new Error(message))
            : Promise.resolve(),
      },
      ...(max === undefined ? [] : [atMost(max)]),
    ];
  };
}

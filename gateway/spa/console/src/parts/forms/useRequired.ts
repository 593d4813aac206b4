/** The rules "please fill in" and "not so long", in the field's own name. Blanks alone fill nothing
 * in; and what is too long is said, not cut off behind the back of whoever pastes it. */
import { useText } from '../../texts';

/** As the API has it for the names of people, stores, devices and merchants. */
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

/** The rule "please choose": nobody fills in a list. */
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

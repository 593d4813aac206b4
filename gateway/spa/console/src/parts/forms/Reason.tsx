/** The reason for an action on a merchant: free text, refused under its field before the
 * password is asked for. The rule is that of services/binding/acting/rules.py. */
import { Form, Input } from 'antd';
import { useText } from '../../texts';
import { useAtMost } from './useRequired';

const IDEOGRAPHS = 4;
const WORDS = 2;
const LETTERS = 8;
const MAX = 200;

/** Whether the merchant can learn something from it: a few words, or as many ideographs. */
export function isReason(text: string): boolean {
  const letters = text.match(/\p{L}/gu) ?? [];
  const ideographs = letters.filter((one) =>
    /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u.test(one),
  );
  const words = text.split(/\s+/).filter((word) => (word.match(/\p{L}/gu) ?? []).length >= 2);
  const isSaid =
    ideographs.length >= IDEOGRAPHS || (words.length >= WORDS && letters.length >= LETTERS);
  return isSaid && new Set(letters).size >= IDEOGRAPHS;
}

export function ReasonField() {
  const { t } = useText();
  const atMost = useAtMost();
  const label = t('acting.reason');
  return (
    <Form.Item
      name="reason"
      label={label}
      extra={t('reason.hint')}
      validateTrigger="onBlur"
      rules={[
        atMost(MAX),
        { required: true, whitespace: true, message: t('field.required', { label }) },
        {
          validator: (_, text: string | undefined) =>
            !text?.trim() || isReason(text.trim())
              ? Promise.resolve()
              : Promise.reject(new Error(t('reason.rule'))),
        },
      ]}
    >
      <Input />
    </Form.Item>
  );
}

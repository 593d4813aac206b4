/** The form of every dialog and page: pasted text loses the blanks around it, a second press
 * during the first does nothing, and refusals are shown under their fields. */
import { ApiProblem, type Fault } from '@shared/problem';
import { Form, type FormInstance, type FormProps } from 'antd';
import { useRef } from 'react';
import { useText } from '../../texts';
import { useSay } from '../say';
import { faultText, fieldOf, problemText } from '../words';

/** Problems about one field that do not name it: problem code -> the field's name in the form. */
const FIELD_OF: Record<string, string[]> = {
  'auth.wrong_password': ['current_password', 'password'],
  'auth.wrong_code': ['code'],
  'binding.app_bound_elsewhere': ['app_id'],
  'binding.handle_taken': ['handle'],
  'binding.login_taken': ['login', 'username'],
  'binding.setup_code_wrong': ['setup_code'],
  'binding.store_name_taken': ['name'],
  'binding.unknown_stores': ['store_ids'],
  'device.unknown_store': ['store_id'],
};

/** Passwords are taken unchanged. */
const AS_IT_IS = /password|repeat/;

export function trimmed<V extends object>(values: V): V {
  const entries = Object.entries(values).map(([name, value]) => [
    name,
    typeof value === 'string' && !AS_IT_IS.test(name) ? value.trim() : value,
  ]);
  return Object.fromEntries(entries) as V;
}

/** Shows each refusal under its field and sets the cursor into the first one; a refusal without
 * a field is shown beside the page. */
export function useRefusal<V extends object>(
  form: FormInstance<V>,
  orElse?: (error: unknown) => void,
): (error: unknown) => void {
  const say = useSay();
  const { t, language } = useText();
  return (error) => {
    const beside = orElse ?? say.failed;
    if (!(error instanceof ApiProblem)) return beside(error);
    const fields = Object.keys(form.getFieldsValue());
    const named = FIELD_OF[error.code]?.find((name) => fields.includes(name));
    const found = new Map<string, string[]>();
    const rest: Fault[] = [];
    for (const fault of error.body.errors ?? []) {
      const name = fieldOf(fault);
      if (!fields.includes(name)) rest.push(fault);
      else found.set(name, [...(found.get(name) ?? []), faultText(t, language, fault)]);
    }
    if (named && found.size === 0) found.set(named, [problemText(t, language, error)]);
    form.setFields([...found].map(([name, errors]) => ({ name, errors })) as never);
    const first = fields.find((name) => found.has(name));
    if (first) form.scrollToField(first as never, { block: 'center', focus: true });
    if (found.size === 0) return beside(error);
    if (rest.length > 0) say.refused(error, rest);
    return undefined;
  };
}

export function EntryForm<V extends object>({
  form: given,
  send,
  orElse,
  isOnce = false,
  onValuesChange,
  children,
  ...rest
}: Omit<FormProps<V>, 'onFinish' | 'children'> & {
  /** processes the entries; a problem that it throws is shown here */
  send: (values: V) => Promise<unknown>;
  /** where a refusal without a field is shown; absent: beside the page */
  orElse?: (error: unknown) => void;
  /** accepted entries are not sent again: the second click of a double click may come after the
   * answer */
  isOnce?: boolean;
  children: React.ReactNode;
}) {
  const [form] = Form.useForm<V>(given);
  const refuse = useRefusal(form, orElse);
  const isSending = useRef(false);
  const finish = async (values: V) => {
    if (isSending.current) return;
    isSending.current = true;
    try {
      await send(trimmed(values));
      isSending.current = isOnce;
    } catch (error) {
      isSending.current = false;
      refuse(error);
    }
  };
  return (
    <Form<V>
      layout="vertical"
      {...rest}
      form={form}
      onFinish={(values) => void finish(values)}
      onValuesChange={(changed, values) => {
        // A refusal belongs to the old entry, so it is removed when the entry changes.
        form.setFields(Object.keys(changed).map((name) => ({ name, errors: [] })) as never);
        onValuesChange?.(changed, values);
      }}
    >
      {children}
    </Form>
  );
}

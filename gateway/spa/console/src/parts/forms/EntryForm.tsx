/** The form behind every dialog and page: pastes lose the blanks around them, a second press while
 * the first is under way does nothing, and what a door refuses stands under its field. */
import { ApiProblem, type Fault } from '@shared/problem';
import { Form, type FormInstance, type FormProps } from 'antd';
import { useRef } from 'react';
import { useText } from '../../texts';
import { useSay } from '../say';
import { faultText, fieldOf, problemText } from '../words';

/** Problems that are about one field without naming it: which one, by the name in the form. */
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

/** Passwords are taken as they are. */
const AS_IT_IS = /password|repeat/;

export function trimmed<V extends object>(values: V): V {
  const entries = Object.entries(values).map(([name, value]) => [
    name,
    typeof value === 'string' && !AS_IT_IS.test(name) ? value.trim() : value,
  ]);
  return Object.fromEntries(entries) as V;
}

/** Puts a refusal under the fields that it is about and the cursor into the first; what is about
 * none of them is said beside the page. */
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
  /** what happens with the entries; a problem that it throws is shown here */
  send: (values: V) => Promise<unknown>;
  /** where a refusal is said that is about no field; left out: beside the page */
  orElse?: (error: unknown) => void;
  /** what was taken is not sent again: the second half of a double click may come after the answer */
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
        // What the door said was about the entry that is changing now.
        form.setFields(Object.keys(changed).map((name) => ({ name, errors: [] })) as never);
        onValuesChange?.(changed, values);
      }}
    >
      {children}
    </Form>
  );
}

/** A button that opens a form in a dialog, saves, says so, and refreshes what it changed. */
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Button, type ButtonProps, Form, type FormInstance, Modal } from 'antd';
import { type ReactNode, useState } from 'react';
import { useText } from '../texts';
import { useSay } from './say';

interface Props<V extends object, R> {
  label: string;
  title?: string;
  button?: ButtonProps;
  okText?: string;
  initial?: Partial<V>;
  save: (values: V) => Promise<R>;
  /** queries that are asked again afterwards, by the first part of their key */
  refresh: string[];
  /** shown instead of the form after it was saved; without it the dialog closes */
  after?: (answer: R) => ReactNode;
  onSaved?: (answer: R) => void;
  children: ReactNode | ((form: FormInstance<V>) => ReactNode);
}

export function Dialog<V extends object, R>(props: Props<V, R>) {
  const { t } = useText();
  const say = useSay();
  const queries = useQueryClient();
  const [form] = Form.useForm<V>();
  const [isOpen, setOpen] = useState(false);
  const save = useMutation({
    mutationFn: props.save,
    onSuccess: async (answer) => {
      if (!props.after) {
        say.done();
        setOpen(false);
      }
      await Promise.all(props.refresh.map((key) => queries.invalidateQueries({ queryKey: [key] })));
      props.onSaved?.(answer);
    },
    onError: say.failed,
  });
  const close = () => {
    setOpen(false);
    save.reset();
  };
  const shown = save.data !== undefined && props.after ? props.after(save.data) : null;
  return (
    <>
      <Button {...props.button} onClick={() => setOpen(true)}>
        {props.label}
      </Button>
      <Modal
        open={isOpen}
        title={props.title ?? props.label}
        onCancel={close}
        onOk={() => form.submit()}
        okText={props.okText ?? t('do.save')}
        cancelText={t('do.cancel')}
        confirmLoading={save.isPending}
        destroyOnHidden
        {...(shown ? { footer: <Button onClick={close}>{t('do.close')}</Button> } : {})}
      >
        {shown ?? (
          <Form<V>
            form={form}
            layout="vertical"
            preserve={false}
            initialValues={props.initial}
            onFinish={(values) => save.mutate(values)}
          >
            {typeof props.children === 'function' ? props.children(form) : props.children}
          </Form>
        )}
      </Modal>
    </>
  );
}

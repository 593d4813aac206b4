/** A button that opens a form in a dialog, saves, reports it, and loads the changed data again. */
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Button, type ButtonProps, Form, type FormInstance } from 'antd';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import { useText } from '../../texts';
import { useSay } from '../say';
import { EntryForm } from './EntryForm';
import { Window } from './Window';

/** The report after saving: a short text beside the page, or, when the answer is to be read, a
 * title with the details. */
type Then<R> =
  | { done: string; after?: undefined }
  | { done?: undefined; after: { title: (answer: R) => string; shown: (answer: R) => ReactNode } };

type Props<V extends object, R> = Then<R> & Asking<V, R>;

interface Asking<V extends object, R> {
  label: string;
  title?: string;
  button?: ButtonProps;
  okText?: string;
  /** a dangerous action: its button is as red as the one that opened the dialog */
  isDangerous?: boolean;
  initial?: Partial<V>;
  save: (values: V) => Promise<R>;
  /** queries to load again afterwards, by the first part of their key */
  refresh: string[];
  onSaved?: (answer: R) => void;
  /** opens by itself, once, because the address asks for it (useOpensAtOnce) */
  opensAtOnce?: boolean;
  children: ReactNode | ((form: FormInstance<V>) => ReactNode);
}

/** Whether the dialog is open, and what was saved from it. */
function useOpenAndSave<V extends object, R>(props: Props<V, R>) {
  const say = useSay();
  const queries = useQueryClient();
  const [isOpen, setOpen] = useState(false);
  // Also a ref, because a closing dialog is drawn in its old state and would still count as open.
  const isTaking = useRef(false);
  const save = useMutation({
    mutationFn: props.save,
    onSuccess: async (answer) => {
      if (!props.after) {
        isTaking.current = false;
        say.done(props.done);
        setOpen(false);
      }
      await Promise.all(props.refresh.map((key) => queries.invalidateQueries({ queryKey: [key] })));
      props.onSaved?.(answer);
    },
  });
  const open = () => {
    isTaking.current = true;
    setOpen(true);
  };
  const { opensAtOnce = false } = props;
  const openNow = useRef(open);
  openNow.current = open;
  useEffect(() => {
    if (opensAtOnce) openNow.current();
  }, [opensAtOnce]);
  const close = () => {
    isTaking.current = false;
    setOpen(false);
    save.reset();
  };
  return { isOpen, isTaking, save, open, close };
}

export function Dialog<V extends object, R>(props: Props<V, R>) {
  const { t } = useText();
  const [form] = Form.useForm<V>();
  const { isOpen, isTaking, save, open, close } = useOpenAndSave(props);
  const made = save.data !== undefined && props.after ? save.data : null;
  const shown = made !== null ? props.after?.shown(made) : null;
  const title = made !== null ? props.after?.title(made) : (props.title ?? props.label);
  const kept = (
    <Button type="primary" onClick={close}>
      {t('once.kept')}
    </Button>
  );
  return (
    <>
      <Button {...props.button} onClick={open}>
        {props.label}
      </Button>
      <Window
        open={isOpen}
        title={title}
        isOnce={Boolean(shown)}
        onCancel={close}
        onOk={() => form.submit()}
        okText={props.okText ?? t('do.save')}
        cancelText={t('do.cancel')}
        confirmLoading={save.isPending}
        okButtonProps={{ danger: props.isDangerous === true }}
        {...(shown ? { footer: kept } : {})}
      >
        {shown ?? (
          <EntryForm<V>
            form={form}
            preserve={false}
            {...(props.initial ? { initialValues: props.initial } : {})}
            // A closing dialog has been saved: another press belongs to the first one.
            send={async (values) => (isTaking.current ? save.mutateAsync(values) : undefined)}
          >
            {typeof props.children === 'function' ? props.children(form) : props.children}
          </EntryForm>
        )}
      </Window>
    </>
  );
}

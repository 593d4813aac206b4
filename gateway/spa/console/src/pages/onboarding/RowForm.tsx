/** The form of an automatic row, built from the fields of the server's response, with their
 * lengths. The entries are stored on the server a moment later, sent or not. */
import { Button, Form, Input, Select } from 'antd';
import { type ReactElement, useEffect, useRef, useState } from 'react';
import type { OnboardingRow, RowField } from '../../api/shapes';
import { EntryForm } from '../../parts/forms/EntryForm';
import { word } from '../../parts/words';
import { type T, type TextKey, useText } from '../../texts';

const KEEP_AFTER_MS = 800;

/** A rollout can only grow: smaller shares than the present one are not offered. */
function widerThan(choices: string[], now: unknown): string[] {
  const at = choices.indexOf(String(now ?? ''));
  return choices.slice(at + 1);
}

/** The server's pattern for the typed text: blanks around it are removed before it is sent, and
 * each serial number is a line or a word. */
function linesOf({ pattern, kind }: RowField): RegExp {
  const whole = pattern.replace(/^\^|\$$/g, '');
  return new RegExp(kind === 'serials' ? `^\\s*(?:${whole}(?:\\s+|$))*$` : `^\\s*${whole}\\s*$`);
}

/** An element, not a component: Form.Item passes its value and label to its child. */
function control(t: T, field: RowField, row: OnboardingRow): ReactElement {
  if (field.kind === 'choice') {
    return (
      <Select
        options={widerThan(field.choices, row.evidence.share).map((value) => ({
          value,
          label: word(t, 'share', value),
        }))}
        style={{ maxWidth: 240 }}
      />
    );
  }
  if (field.kind === 'text') return <Input />;
  return (
    <Input.TextArea
      rows={3}
      {...(field.kind === 'textarea' ? { showCount: true, count: { max: field.max } } : {})}
      {...(field.kind === 'serials' ? { className: 'mono' } : {})}
    />
  );
}

type Values = Record<string, string>;

/** Stores the entries when the person pauses, and the rest when the page is left. */
function useKept(onKeep: (form: Values) => Promise<boolean>) {
  const [isKept, setKept] = useState(false);
  const waiting = useRef<{ form: Values; timer: ReturnType<typeof setTimeout> } | null>(null);
  const keep = useRef(onKeep);
  keep.current = onKeep;
  useEffect(
    () => () => {
      if (!waiting.current) return;
      clearTimeout(waiting.current.timer);
      void keep.current(waiting.current.form);
    },
    [],
  );
  const drop = () => {
    if (waiting.current) clearTimeout(waiting.current.timer);
    waiting.current = null;
  };
  const later = (form: Values) => {
    drop();
    setKept(false);
    const timer = setTimeout(() => {
      waiting.current = null;
      void keep.current(form).then(setKept);
    }, KEEP_AFTER_MS);
    waiting.current = { form, timer };
  };
  return { isKept, later, drop };
}

interface Props {
  row: OnboardingRow;
  isBusy: boolean;
  /** the refusals that the form shows under their fields */
  onRun: (form: Values) => Promise<unknown>;
  onKeep: (form: Values) => Promise<boolean>;
}

const given = (values: Values): Values =>
  Object.fromEntries(
    Object.entries(values)
      .map(([name, value]) => [name, (value ?? '').trim()])
      .filter(([, value]) => value !== ''),
  );

export function RowForm({ row, isBusy, onRun, onKeep }: Props) {
  const { t, either } = useText();
  const fields = row.form ?? [];
  const kept = useKept(onKeep);
  const isTyped = fields.some((one) => one.kind !== 'choice' && one.field !== 'app_version');
  return (
    <EntryForm<Values>
      initialValues={Object.fromEntries(fields.map((one) => [one.field, one.value]))}
      onValuesChange={(_, values) => {
        if (isTyped) kept.later(given(values));
      }}
      send={(values) => {
        kept.drop();
        return onRun(given(values));
      }}
      style={{ maxWidth: 640 }}
    >
      {fields.map((one) => {
        const label = either(one.label_zh, one.label_en);
        const isBounded = one.kind === 'text' || one.kind === 'textarea';
        const { min, max } = one;
        const hint = either(one.hint_zh, one.hint_en);
        const span = one.required ? t('wizard.range', { min, max }) : t('wizard.optional', { max });
        const range = hint || span;
        return (
          <Form.Item
            key={one.field}
            name={one.field}
            label={label}
            {...(isBounded || hint ? { extra: range } : {})}
            rules={[
              {
                required: one.required,
                message: t(one.kind === 'choice' ? 'field.chosen' : 'field.required', { label }),
              },
              ...(isBounded ? [{ min, max, message: range }] : []),
              ...(one.pattern ? [{ pattern: linesOf(one), message: range }] : []),
            ]}
          >
            {control(t, one, row)}
          </Form.Item>
        );
      })}
      <div className="row">
        <Button type="primary" htmlType="submit" loading={isBusy}>
          {t(`run.${row.code}` as TextKey)}
        </Button>
        <span className="soft small" aria-live="polite">
          {kept.isKept ? t('wizard.kept') : ''}
        </span>
      </div>
    </EntryForm>
  );
}

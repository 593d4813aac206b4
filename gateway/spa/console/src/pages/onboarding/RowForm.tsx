/** The form of an automatic row, built from the fields the server names, with their lengths. */
import { Button, Form, Input, Select } from 'antd';
import type { ReactElement } from 'react';
import type { OnboardingRow, RowField } from '../../api/shapes';
import { word } from '../../parts/words';
import { type T, useText } from '../../texts';

/** An element, not a component: Form.Item hands its value and label to what it holds. */
function control(t: T, field: RowField): ReactElement {
  if (field.kind === 'choice') {
    return (
      <Select
        options={field.choices.map((value) => ({ value, label: word(t, 'share', value) }))}
        style={{ maxWidth: 240 }}
      />
    );
  }
  if (field.kind === 'text') return <Input maxLength={field.max} />;
  return (
    <Input.TextArea
      rows={3}
      maxLength={field.max}
      showCount={field.kind === 'textarea'}
      {...(field.kind === 'serials' ? { className: 'mono' } : {})}
    />
  );
}

interface Props {
  row: OnboardingRow;
  isBusy: boolean;
  onRun: (form: Record<string, string>) => void;
}

export function RowForm({ row, isBusy, onRun }: Props) {
  const { t, either } = useText();
  const fields = row.form ?? [];
  return (
    <Form
      layout="vertical"
      initialValues={Object.fromEntries(fields.map((one) => [one.field, one.value]))}
      onFinish={(values: Record<string, string>) =>
        onRun(Object.fromEntries(Object.entries(values).filter(([, value]) => value !== '')))
      }
      style={{ maxWidth: 640 }}
    >
      {fields.map((one) => {
        const label = either(one.label_zh, one.label_en);
        const isBounded = one.kind === 'text' || one.kind === 'textarea';
        const { min, max } = one;
        const range = t('wizard.range', { min, max });
        return (
          <Form.Item
            key={one.field}
            name={one.field}
            label={label}
            {...(isBounded ? { extra: range } : {})}
            rules={[
              { required: one.required, message: t('field.required', { label }) },
              ...(isBounded ? [{ min, max, message: range }] : []),
            ]}
          >
            {control(t, one)}
          </Form.Item>
        );
      })}
      <Button type="primary" htmlType="submit" loading={isBusy}>
        {t('wizard.run')}
      </Button>
    </Form>
  );
}

/** The form of an automatic row, built from the fields the server names, with their lengths. */
import { Button, Form, Input, InputNumber, Switch } from 'antd';
import type { ReactElement } from 'react';
import type { OnboardingRow, RowField } from '../../api/pending';
import { useText } from '../../texts';

/** From this length on a field has several lines. */
const LONG = 60;

/** An element, not a component: Form.Item hands its value and label to what it holds. */
function control(field: RowField): ReactElement {
  const bounds = {
    ...(field.min != null ? { min: field.min } : {}),
    ...(field.max != null ? { max: field.max } : {}),
  };
  if (field.kind === 'number') return <InputNumber style={{ width: '100%' }} {...bounds} />;
  if (field.kind === 'switch') return <Switch />;
  if ((field.max ?? 0) > LONG)
    return <Input.TextArea rows={3} maxLength={field.max ?? 500} showCount />;
  return <Input maxLength={field.max ?? 200} inputMode={field.kind === 'phone' ? 'tel' : 'text'} />;
}

interface Props {
  row: OnboardingRow;
  isBusy: boolean;
  onRun: (form: Record<string, unknown>) => void;
}

export function RowForm({ row, isBusy, onRun }: Props) {
  const { t, either } = useText();
  const fields = row.form ?? [];
  return (
    <Form
      layout="vertical"
      initialValues={Object.fromEntries(fields.map((one) => [one.field, one.value ?? undefined]))}
      onFinish={onRun}
      style={{ maxWidth: 640 }}
    >
      {fields.map((one) => {
        const label = either(one.label_zh, one.label_en);
        const isText = one.kind !== 'number' && one.kind !== 'switch';
        const isBounded = isText && one.min != null && one.max != null;
        return (
          <Form.Item
            key={one.field}
            name={one.field}
            label={label}
            {...(one.kind === 'switch' ? { valuePropName: 'checked' } : {})}
            {...(isBounded
              ? { extra: t('wizard.range', { min: one.min ?? 0, max: one.max ?? 0 }) }
              : {})}
            rules={[
              { required: one.required, message: t('field.required', { label }) },
              ...(isBounded
                ? [
                    {
                      min: one.min ?? 0,
                      max: one.max ?? 0,
                      message: t('wizard.range', { min: one.min ?? 0, max: one.max ?? 0 }),
                    },
                  ]
                : []),
            ]}
          >
            {control(one)}
          </Form.Item>
        );
      })}
      <Button type="primary" htmlType="submit" loading={isBusy} disabled={row.state === 'blocked'}>
        {t('wizard.run')}
      </Button>
    </Form>
  );
}

/** The form of an automatic row, built from the fields the server names, with their lengths. */
import { Button, Form, Input, InputNumber, Switch } from 'antd';
import type { OnboardingRow, RowField } from '../../api/pending';
import { useText } from '../../texts';

function Control({ field }: { field: RowField }) {
  if (field.kind === 'text' && (field.max ?? 0) > 60)
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
            {one.kind === 'number' ? (
              <InputNumber
                style={{ width: '100%' }}
                {...(one.min != null ? { min: one.min } : {})}
                {...(one.max != null ? { max: one.max } : {})}
              />
            ) : one.kind === 'switch' ? (
              <Switch />
            ) : (
              <Control field={one} />
            )}
          </Form.Item>
        );
      })}
      <Button type="primary" htmlType="submit" loading={isBusy} disabled={row.state === 'blocked'}>
        {t('wizard.run')}
      </Button>
    </Form>
  );
}

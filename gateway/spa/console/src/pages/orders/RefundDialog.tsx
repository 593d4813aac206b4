/**
 * Gives money back, all that is left or a part. One dialog is one refund: its name is made when it
 * opens, so that a double click, or a second try after a lost answer, is the same refund.
 */
import { fenTyped, money } from '@shared/money';
import { ApiProblem } from '@shared/problem';
import { useMutation } from '@tanstack/react-query';
import { Alert, Button, Form, type FormInstance, Input, Modal, Radio } from 'antd';
import { useRef, useState } from 'react';
import { post } from '../../api/client';
import type { PaymentShown, Refund } from '../../api/shapes';
import { useSay } from '../../parts/say';
import { useRequired } from '../../parts/useRequired';
import { type TextKey, useText } from '../../texts';
import { RefundOutcome } from './RefundOutcome';
import { isGivenUp, isUnheard, newRefundRequest, useRefreshRefunds } from './refunding';

interface Fields {
  part: 'full' | 'partial';
  amount?: string;
  reason: string;
}

const REASONS: TextKey[] = [
  'refunds.reason_goods',
  'refunds.reason_over',
  'refunds.reason_cancelled',
  'refunds.reason_twice',
];
const REASON_MAX = 128;

interface Props {
  payment: PaymentShown;
  orderNo: string;
  onClose: () => void;
}

export function RefundDialog({ payment, orderNo, onClose }: Props) {
  const { t, language } = useText();
  const say = useSay();
  const refresh = useRefreshRefunds();
  const [form] = Form.useForm<Fields>();
  const [request] = useState(newRefundRequest);
  const frame = useRef<HTMLDivElement>(null);
  const isSent = useRef(false);
  // What was there when the dialog opened: a refund of one's own must not change what was asked.
  const [leftFen] = useState(payment.refundable_fen);
  const part = Form.useWatch('part', form) ?? 'full';
  const typed = Form.useWatch('amount', form) ?? '';
  const amountFen = part === 'full' ? leftFen : fenTyped(typed);

  const refund = useMutation({
    mutationFn: (given: { amount_fen: number; reason: string }): Promise<Refund> =>
      post(
        '/api/merchant/v1/payments/{payment_id}/refunds',
        { refund_request_id: request, ...given },
        { path: { payment_id: payment.payment_id } },
      ),
    onSuccess: refresh,
    onError: (error) => {
      if (isUnheard(error)) {
        // It may have arrived: what lies behind the dialog says so.
        void refresh();
        return;
      }
      if (isGivenUp(error)) return;
      const isTooMuch = error instanceof ApiProblem && error.code === 'payment.refund_exceeds_paid';
      if (isTooMuch && part === 'partial') {
        form.setFields([{ name: 'amount', errors: [error.titleIn(language)] }]);
      } else say.failed(error);
    },
  });
  const isUnknown = isUnheard(refund.error);

  const submit = ({ reason }: Fields) => {
    // The second half of a double click comes before the button has learnt that it is busy.
    if (isSent.current || amountFen === null) return;
    isSent.current = true;
    refund.mutate(
      { amount_fen: amountFen, reason: reason.trim() },
      { onError: () => (isSent.current = false) },
    );
  };

  return (
    <Modal
      open
      title={t('refunds.act_title', { order: orderNo })}
      onCancel={onClose}
      destroyOnHidden
      afterOpenChange={(isOpen) => {
        if (isOpen) frame.current?.querySelector('input')?.focus();
      }}
      footer={
        refund.data ? (
          <Button onClick={onClose}>{t('do.close')}</Button>
        ) : (
          <>
            <Button onClick={onClose}>{t('do.cancel')}</Button>
            <Button type="primary" danger loading={refund.isPending} onClick={() => form.submit()}>
              {amountFen
                ? t('refunds.confirm', { amount: money(amountFen) })
                : t('refunds.confirm_bare')}
            </Button>
          </>
        )
      }
    >
      {refund.data ? (
        <RefundOutcome refund={refund.data} />
      ) : (
        <div ref={frame}>
          {isUnknown ? (
            <Alert type="warning" showIcon role="alert" title={t('refunds.unheard')} />
          ) : null}
          <RefundFields
            form={form}
            leftFen={leftFen}
            part={part}
            isFixed={isUnknown || refund.isPending}
            onFinish={submit}
          />
        </div>
      )}
    </Modal>
  );
}

function RefundFields({
  form,
  leftFen,
  part,
  isFixed,
  onFinish,
}: {
  form: FormInstance<Fields>;
  leftFen: number;
  part: Fields['part'];
  /** what was sent may have arrived: it can be said again, not changed */
  isFixed: boolean;
  onFinish: (values: Fields) => void;
}) {
  const { t } = useText();
  const required = useRequired();
  const left = money(leftFen);
  const check = async (_: unknown, text: string | undefined) => {
    const fen = fenTyped(text ?? '');
    if (fen === null) throw new Error(t('refunds.amount_wrong'));
    if (fen === 0) throw new Error(t('refunds.amount_zero'));
    if (fen > leftFen) throw new Error(t('refunds.amount_over', { amount: left }));
  };
  return (
    <Form<Fields>
      form={form}
      layout="vertical"
      disabled={isFixed}
      requiredMark={false}
      scrollToFirstError={{ focus: true }}
      initialValues={{ part: 'full', reason: '' }}
      onFinish={onFinish}
    >
      <Form.Item name="part" label={t('refunds.how_much')}>
        <Radio.Group
          options={[
            { value: 'full', label: t('refunds.full', { amount: left }) },
            { value: 'partial', label: t('refunds.partial') },
          ]}
        />
      </Form.Item>
      {part === 'partial' ? (
        <Form.Item
          name="amount"
          label={t('refunds.amount')}
          extra={t('refunds.amount_hint', { amount: left })}
          validateTrigger="onBlur"
          rules={[{ validator: check }]}
        >
          <Input prefix="¥" inputMode="decimal" autoComplete="off" maxLength={20} autoFocus />
        </Form.Item>
      ) : null}
      <Form.Item
        name="reason"
        label={t('refunds.reason')}
        extra={t('refunds.reason_hint')}
        rules={required(t('refunds.reason')).map((rule) => ({ ...rule, whitespace: true }))}
      >
        <Input maxLength={REASON_MAX} autoComplete="off" />
      </Form.Item>
      <div className="row">
        {REASONS.map((key) => (
          <Button
            key={key}
            size="small"
            onClick={() => {
              form.setFieldValue('reason', t(key));
              void form.validateFields(['reason']);
            }}
          >
            {t(key)}
          </Button>
        ))}
      </div>
    </Form>
  );
}

/** Refunds all that is left or a part of it. One dialog is one refund: its id is made when the
 * dialog opens, so that a double click, or a second try after a lost answer, is the same refund.
 * While an answer is missing, all dialogs of the payment send only that refund again. */
import { fenTyped, money, yuan } from '@shared/money';
import { ApiProblem } from '@shared/problem';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Alert, Button, Form, type FormInstance, Input, Radio } from 'antd';
import { useRef, useState } from 'react';
import { OutcomeUnknown, post } from '../../../api/client';
import type { PaymentShown, Refund } from '../../../api/shapes';
import { useRequired } from '../../../parts/forms/useRequired';
import { Window } from '../../../parts/forms/Window';
import { useSay } from '../../../parts/say';
import { type TextKey, useText } from '../../../texts';
import { RefundOutcome } from './RefundOutcome';
import { isGivenUp, newRefundRequest, useRefreshRefunds } from './refunding';
import { type SentRefund, unanswered } from './unanswered';

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

/** Refusals of the service itself; other problems mean nothing for an earlier try. */
const ANSWERED = new Set([404, 409, 422]);

/** Refusals because less is left than the dialog knew. */
const LESS = new Set(['payment.not_refundable', 'payment.refund_exceeds_paid']);

/** The amount left when the dialog opened, so that the person's own refund does not change the
 * entry. It is loaded again when a refusal shows that somebody else refunded meanwhile. */
function useLeft(payment: PaymentShown) {
  const queries = useQueryClient();
  const refresh = useRefreshRefunds();
  const [leftFen, setLeft] = useState(payment.refundable_fen);
  const [isLess, setLess] = useState(false);
  /** whether less is left than was shown */
  const lookAgain = async (error: Error): Promise<boolean> => {
    if (!(error instanceof ApiProblem) || !LESS.has(error.code)) return false;
    await refresh();
    const now = queries.getQueryData<PaymentShown>(['payments', payment.payment_id]);
    if (!now || now.refundable_fen >= leftFen) return false;
    setLeft(now.refundable_fen);
    setLess(true);
    return true;
  };
  return { leftFen, isLess, lookAgain };
}

/** Sends the refund under its id, and knows whether it may have arrived. */
function useRefund(payment: PaymentShown, onRefused: (error: Error) => Promise<void>) {
  const refresh = useRefreshRefunds();
  const { payment_id } = payment;
  const [open, setOpen] = useState(() => unanswered.of(payment_id));
  const [name] = useState(newRefundRequest);
  const isSent = useRef(false);
  const refund = useMutation({
    mutationFn: ({ at: _, ...sent }: SentRefund): Promise<Refund> =>
      post('/api/merchant/v1/payments/{payment_id}/refunds', sent, { path: { payment_id } }),
    onSuccess: async () => {
      unanswered.forget(payment_id);
      setOpen(null);
      await refresh();
    },
    onError: (error, sent) => {
      isSent.current = false;
      if (error instanceof OutcomeUnknown) return setOpen(sent);
      const isAnswered = error instanceof ApiProblem && ANSWERED.has(error.status);
      if (isAnswered || !open) {
        unanswered.forget(payment_id);
        setOpen(null);
      }
      return isGivenUp(error) ? undefined : onRefused(error);
    },
  });
  const send = (given: { amount_fen: number; reason: string }) => {
    // The second click of a double click comes before the button is disabled.
    if (isSent.current) return;
    isSent.current = true;
    const sent = open ?? { refund_request_id: name, ...given, at: Date.now() };
    unanswered.keep(payment_id, sent);
    refund.mutate(sent);
  };
  const arrived = payment.refunds.find((one) => one.refund_request_id === open?.refund_request_id);
  return { open, send, made: refund.data ?? arrived, isPending: refund.isPending };
}

/** Explains a difference: less is left, or the refund may have arrived. */
function Warning({
  isLess,
  isOpen,
  leftFen,
}: {
  isLess: boolean;
  isOpen: boolean;
  leftFen: number;
}) {
  const { t } = useText();
  if (!isLess && !isOpen) return null;
  const title = t(isOpen ? 'refunds.outcome_unknown' : 'refunds.less_left', {
    amount: money(leftFen),
  });
  return <Alert type="warning" showIcon role="alert" title={title} />;
}

function Footer({
  isOver,
  amountFen,
  isPending,
  isRefused,
  onClose,
  onConfirm,
}: {
  /** there is nothing to confirm, or nothing any more */
  isOver: boolean;
  /** null: not an amount that can be sent */
  amountFen: number | null;
  isPending: boolean;
  /** more than is left */
  isRefused: boolean;
  onClose: () => void;
  onConfirm: () => void;
}) {
  const { t } = useText();
  return isOver ? (
    <Button onClick={onClose}>{t('do.close')}</Button>
  ) : (
    <>
      <Button onClick={onClose}>{t('do.cancel')}</Button>
      <Button type="primary" danger loading={isPending} disabled={isRefused} onClick={onConfirm}>
        {amountFen ? t('refunds.confirm', { amount: money(amountFen) }) : t('refunds.confirm_bare')}
      </Button>
    </>
  );
}

export function RefundDialog({ payment, orderNo, onClose }: Props) {
  const { t, language } = useText();
  const say = useSay();
  const [form] = Form.useForm<Fields>();
  const { leftFen, isLess, lookAgain } = useLeft(payment);
  const part = Form.useWatch('part', form) ?? 'full';
  const typed = Form.useWatch('amount', form) ?? '';
  const { open, send, made, isPending } = useRefund(payment, async (error) => {
    if (await lookAgain(error)) return;
    const isAmount = error instanceof ApiProblem && error.code === 'payment.refund_exceeds_paid';
    if (isAmount && part === 'partial') {
      form.setFields([{ name: 'amount', errors: [error.titleIn(language)] }]);
    } else say.failed(error);
  });
  const amountFen = open?.amount_fen ?? (part === 'full' ? leftFen : fenTyped(typed));
  const isTooMuch = !open && amountFen !== null && amountFen > leftFen;
  const isNone = !made && !open && leftFen === 0;
  const submit = ({ reason }: Fields) => {
    if (amountFen !== null) send({ amount_fen: amountFen, reason: reason.trim() });
  };
  return (
    <Window
      open
      title={t('refunds.act_title', { order: orderNo })}
      onCancel={onClose}
      footer={
        <Footer
          isOver={made !== undefined || isNone}
          amountFen={isTooMuch ? null : amountFen}
          isPending={isPending}
          isRefused={isTooMuch}
          onClose={onClose}
          onConfirm={() => (open ? send(open) : form.submit())}
        />
      }
    >
      {made ? (
        <RefundOutcome refund={made} />
      ) : isNone ? (
        <Alert type="warning" showIcon role="alert" title={t('refunds.none_left')} />
      ) : (
        <>
          <Warning isLess={isLess} isOpen={open !== null} leftFen={leftFen} />
          <RefundFields
            form={form}
            leftFen={leftFen}
            sent={open}
            part={part}
            isFixed={open !== null || isPending}
            onFinish={submit}
          />
        </>
      )}
    </Window>
  );
}

function before(sent: SentRefund | null, leftFen: number): Fields {
  if (!sent || sent.amount_fen === leftFen) return { part: 'full', reason: sent?.reason ?? '' };
  return { part: 'partial', amount: yuan(sent.amount_fen), reason: sent.reason };
}

function AmountItem({ leftFen }: { leftFen: number }) {
  const { t } = useText();
  const left = money(leftFen);
  const check = async (_: unknown, text: string | undefined) => {
    const fen = fenTyped(text ?? '');
    if (fen === null) throw new Error(t('refunds.amount_wrong'));
    if (fen === 0) throw new Error(t('refunds.amount_zero'));
    if (fen > leftFen) throw new Error(t('refunds.amount_over', { amount: left }));
  };
  return (
    <Form.Item
      name="amount"
      label={t('refunds.amount')}
      extra={t('refunds.amount_hint', { amount: left })}
      validateTrigger="onBlur"
      rules={[{ validator: check }]}
    >
      <Input prefix="¥" inputMode="decimal" autoComplete="off" maxLength={20} autoFocus />
    </Form.Item>
  );
}

function ReasonItem({ form }: { form: FormInstance<Fields> }) {
  const { t } = useText();
  const required = useRequired();
  return (
    <>
      <Form.Item
        name="reason"
        label={t('refunds.reason')}
        extra={t('refunds.reason_hint')}
        rules={required(t('refunds.reason'), REASON_MAX).map((rule) => ({
          ...rule,
          whitespace: true,
        }))}
      >
        <Input autoComplete="off" />
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
    </>
  );
}

function RefundFields({
  form,
  leftFen,
  sent,
  part,
  isFixed,
  onFinish,
}: {
  form: FormInstance<Fields>;
  leftFen: number;
  /** the refund that may have arrived already */
  sent: SentRefund | null;
  part: Fields['part'];
  /** the refund may have arrived: it can be repeated, not changed */
  isFixed: boolean;
  onFinish: (values: Fields) => void;
}) {
  const { t } = useText();
  const left = money(leftFen);
  return (
    <Form<Fields>
      form={form}
      layout="vertical"
      disabled={isFixed}
      requiredMark={false}
      scrollToFirstError={{ focus: true }}
      initialValues={before(sent, leftFen)}
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
      {part === 'partial' ? <AmountItem leftFen={leftFen} /> : null}
      <ReasonItem form={form} />
    </Form>
  );
}

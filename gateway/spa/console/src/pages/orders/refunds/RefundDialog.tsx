/**
 * Gives money back, all that is left or a part. One dialog is one refund: its name is made when it
 * opens, so that a double click, or a second try after a lost answer, is the same refund. One whose
 * answer was lost is the only one that its payment's dialogs send until it is heard of.
 */
import { fenTyped, money, yuan } from '@shared/money';
import { ApiProblem } from '@shared/problem';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Alert, Button, Form, type FormInstance, Input, Radio } from 'antd';
import { useRef, useState } from 'react';
import { post, Unheard } from '../../../api/client';
import type { PaymentShown, Refund } from '../../../api/shapes';
import { useRequired } from '../../../parts/forms/useRequired';
import { Window } from '../../../parts/forms/Window';
import { useSay } from '../../../parts/say';
import { type TextKey, useText } from '../../../texts';
import { RefundOutcome } from './RefundOutcome';
import { isGivenUp, newRefundRequest, useRefreshRefunds } from './refunding';
import { type AskedRefund, unheard } from './unheard';

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

/** Refusals of the service itself; what is said on the way to it says nothing of an earlier try. */
const HEARD = new Set([404, 409, 422]);

/** Refusals that say that less is left than the dialog knew. */
const LESS = new Set(['payment.not_refundable', 'payment.refund_exceeds_paid']);

/** What is left, as of the opening: a refund of one's own must not change what was asked. It is read
 * again when a refusal says that somebody else gave money back meanwhile. */
function useLeft(payment: PaymentShown) {
  const queries = useQueryClient();
  const refresh = useRefreshRefunds();
  const [leftFen, setLeft] = useState(payment.refundable_fen);
  const [isLess, setLess] = useState(false);
  /** whether it is less than was thought */
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

/** Sends the refund under its one name, and knows whether it may have arrived. */
function useRefund(payment: PaymentShown, onRefused: (error: Error) => Promise<void>) {
  const refresh = useRefreshRefunds();
  const { payment_id } = payment;
  const [open, setOpen] = useState(() => unheard.of(payment_id));
  const [name] = useState(newRefundRequest);
  const isSent = useRef(false);
  const refund = useMutation({
    mutationFn: ({ at: _, ...asked }: AskedRefund): Promise<Refund> =>
      post('/api/merchant/v1/payments/{payment_id}/refunds', asked, { path: { payment_id } }),
    onSuccess: async () => {
      unheard.forget(payment_id);
      setOpen(null);
      await refresh();
    },
    onError: (error, asked) => {
      isSent.current = false;
      if (error instanceof Unheard) return setOpen(asked);
      const isHeard = error instanceof ApiProblem && HEARD.has(error.status);
      if (isHeard || !open) {
        unheard.forget(payment_id);
        setOpen(null);
      }
      return isGivenUp(error) ? undefined : onRefused(error);
    },
  });
  const send = (given: { amount_fen: number; reason: string }) => {
    // The second half of a double click comes before the button has learnt that it is busy.
    if (isSent.current) return;
    isSent.current = true;
    const asked = open ?? { refund_request_id: name, ...given, at: Date.now() };
    unheard.keep(payment_id, asked);
    refund.mutate(asked);
  };
  const arrived = payment.refunds.find((one) => one.refund_request_id === open?.refund_request_id);
  return { open, send, made: refund.data ?? arrived, isPending: refund.isPending };
}

/** What is not as it was thought: less is left, or what was sent may have arrived. */
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
  const title = t(isOpen ? 'refunds.unheard' : 'refunds.less_left', { amount: money(leftFen) });
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
  /** null: no amount that could be sent */
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
            asked={open}
            part={part}
            isFixed={open !== null || isPending}
            onFinish={submit}
          />
        </>
      )}
    </Window>
  );
}

function before(asked: AskedRefund | null, leftFen: number): Fields {
  if (!asked || asked.amount_fen === leftFen) return { part: 'full', reason: asked?.reason ?? '' };
  return { part: 'partial', amount: yuan(asked.amount_fen), reason: asked.reason };
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
  asked,
  part,
  isFixed,
  onFinish,
}: {
  form: FormInstance<Fields>;
  leftFen: number;
  /** what may have arrived already */
  asked: AskedRefund | null;
  part: Fields['part'];
  /** what was sent may have arrived: it can be said again, not changed */
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
      initialValues={before(asked, leftFen)}
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

/** The form of a sale: its amount, and how the buyer pays. */
import { fenTyped, money } from '@shared/money';
import { ApiProblem } from '@shared/problem';
import { useMutation, useQuery } from '@tanstack/react-query';
import { Alert, Button, Form, Input, Radio } from 'antd';
import { useState } from 'react';
import { Link } from 'react-router';
import { get, OutcomeUnknown, post } from '../../api/client';
import type { BoundApp } from '../../api/shapes';
import { StoreSelect } from '../../lookups/StoreSelect';
import { useStores } from '../../lookups/stores';
import { Card } from '../../parts/bits';
import { EntryForm } from '../../parts/forms/EntryForm';
import { useAbout } from '../../parts/sandbox';
import { Failure, Loading } from '../../parts/states';
import { problemText } from '../../parts/words';
import { useSession } from '../../session/session';
import { type TextKey, useText } from '../../texts';
import { codeFault, madeUpCode, madeUpFace, tidyCode } from './codes';
import type { Terminal } from './keystore';
import type { Runner, Taken } from './runner';
import { newNonce } from './signing';
import type { Story } from './story';

const REAL_FEN = 1;
const FEN_MAX = 100_000_000;
const OUTCOMES = ['paid', 'refused', 'buyer_confirms', 'unknown'] as const;
type Outcome = (typeof OUTCOMES)[number];
type Way = 'face' | 'code';

interface Values {
  store_id: string;
  amount: string;
  way: Way;
  code: string;
  outcome: Outcome;
}

const MORE_DECIMALS = /^\D*[\d,]+[.．。]\d{3,}\D*$/;

/** What is wrong with a typed amount; null: nothing. */
function amountFault(typed: string): TextKey | null {
  if (!typed.trim()) return 'cashier.amount_missing';
  if (chargeable(typed) !== null) return null;
  return MORE_DECIMALS.test(typed.trim()) ? 'cashier.amount_decimals' : 'cashier.amount_odd';
}

/** The typed amount in fen; null if it is not an amount that the test cashier charges. */
export function chargeable(typed: string | undefined): number | null {
  const fen = fenTyped(typed ?? '');
  return fen !== null && fen >= 1 && fen <= FEN_MAX ? fen : null;
}

const INSTEAD: Partial<Record<Taken, TextKey>> = {
  earlier: 'cashier.earlier',
  elsewhere: 'cashier.elsewhere',
  forgotten: 'cashier.forgotten',
};

function NoApp() {
  const { t } = useText();
  return (
    <Alert
      type="warning"
      showIcon
      title={t('cashier.no_app')}
      description={
        <>
          {t('cashier.no_app_hint')} <Link to="/miniprogram">{t('cashier.to_app')}</Link>
        </>
      }
    />
  );
}

/** The app of payments: the enabled one that was bound last. */
function sellingApp(apps: BoundApp[]): BoundApp | undefined {
  const on = apps.filter((one) => one.enabled);
  return on.sort((a, b) => b.created_at.localeCompare(a.created_at))[0];
}

function useTake(
  terminal: Terminal,
  runner: Runner,
  app: BoundApp | undefined,
  isSandbox: boolean,
) {
  const { can } = useSession();
  const [notice, setNotice] = useState<TextKey | null>(null);
  const mayChoose = isSandbox && can('apps.write');
  const take = useMutation({
    mutationFn: async (values: Values) => {
      setNotice(null);
      // Clears the former sale, so that it is not taken for this one if this one is not even sent.
      runner.clear();
      const made = values.way === 'code' ? madeUpCode() : madeUpFace();
      if (mayChoose && app) {
        // Reserved for this code, so that no other sale gets the outcome if this one does not
        // begin.
        const { outcome } = values;
        await post('/api/merchant/v1/sandbox/outcome', {
          app_id: app.app_id,
          outcome,
          auth_code: made,
        });
      }
      return runner.take({
        pay_request_id: newNonce(),
        amount_fen: (isSandbox ? chargeable(values.amount) : null) ?? REAL_FEN,
        auth_code: isSandbox ? made : tidyCode(values.code),
        store_id: values.store_id ?? terminal.storeId,
      });
    },
    onSuccess: (became) => setNotice(INSTEAD[became] ?? null),
  });
  return { take, notice, mayChoose };
}

/** Why nothing was charged; a fault of one field is shown under the field. */
function Refusal({ error }: { error: unknown }) {
  const { t, language } = useText();
  // The sandbox was called first and refused or did not answer, so no payment was sent.
  if (error instanceof ApiProblem) {
    const why =
      error instanceof OutcomeUnknown ? t('problem.unreachable') : problemText(t, language, error);
    return <Alert type="error" showIcon title={t('cashier.nothing_begun')} description={why} />;
  }
  return <Alert type="error" showIcon title={t('cashier.broke_off')} />;
}

function SandboxFields({ mayChoose }: { mayChoose: boolean }) {
  const { t } = useText();
  return (
    <>
      <Form.Item
        name="amount"
        label={t('cashier.amount')}
        validateTrigger="onBlur"
        rules={[
          {
            validator: (_, value: string | undefined) => {
              const fault = amountFault(value ?? '');
              return fault ? Promise.reject(new Error(t(fault))) : Promise.resolve();
            },
          },
        ]}
      >
        <Input inputMode="decimal" prefix="¥" maxLength={12} autoComplete="off" />
      </Form.Item>
      <Form.Item name="way" label={t('cashier.way')} extra={t('cashier.way_note')}>
        <Radio.Group aria-label={t('cashier.way')}>
          <Radio value="face">{t('cashier.way_face')}</Radio>
          <Radio value="code">{t('cashier.way_code')}</Radio>
        </Radio.Group>
      </Form.Item>
      {mayChoose ? (
        <Form.Item name="outcome" label={t('cashier.outcome')}>
          <Radio.Group aria-label={t('cashier.outcome')}>
            {OUTCOMES.map((one) => (
              <Radio key={one} value={one}>
                {t(`cashier.outcome_${one}`)}
              </Radio>
            ))}
          </Radio.Group>
        </Form.Item>
      ) : null}
    </>
  );
}

function RealFields() {
  const { t } = useText();
  return (
    <>
      <Form.Item label={t('cashier.amount')} extra={t('cashier.amount_why')}>
        <strong>{t('cashier.amount_real')}</strong>
      </Form.Item>
      <Form.Item
        name="code"
        label={t('cashier.code')}
        extra={t('cashier.code_hint')}
        validateTrigger="onSubmit"
        rules={[
          {
            validator: (_, value: string) => {
              const fault = codeFault(value ?? '');
              return fault ? Promise.reject(new Error(t(fault))) : Promise.resolve();
            },
          },
        ]}
      >
        <Input inputMode="numeric" autoComplete="off" maxLength={40} autoFocus />
      </Form.Item>
    </>
  );
}

function AppItem({ app, isNewest }: { app: BoundApp; isNewest: boolean }) {
  const { t } = useText();
  return (
    <Form.Item label={t('cashier.app')} {...(isNewest ? { extra: t('cashier.app_newest') } : {})}>
      <span className="mono">{app.app_id}</span>
    </Form.Item>
  );
}

function TakeButton({
  story,
  fen,
  hasApp,
  isPending,
}: {
  story: Story | null;
  fen: number | null;
  hasApp: boolean;
  isPending: boolean;
}) {
  const { t } = useText();
  const isBusy = isPending || (story !== null && !story.isOver);
  return (
    <Button
      type="primary"
      size="large"
      htmlType="submit"
      block
      disabled={!hasApp || (story !== null && !story.isOver && !isPending)}
      loading={isBusy && story?.isGivenUp !== true}
    >
      {isBusy && !story?.isGivenUp
        ? t('cashier.taking')
        : fen === null
          ? t('cashier.take_bare')
          : t('cashier.take', { amount: money(fen) })}
    </Button>
  );
}

export function TakeForm({
  terminal,
  runner,
  story,
}: {
  terminal: Terminal;
  runner: Runner;
  story: Story | null;
}) {
  const { t } = useText();
  const { stores, storeId } = useStores();
  const [form] = Form.useForm<Values>();
  const [refusal, setRefusal] = useState<unknown>(null);
  const amount = Form.useWatch('amount', form);
  const about = useAbout();
  const apps = useQuery({ queryKey: ['apps', 'all'], queryFn: () => get('/api/merchant/v1/apps') });
  const isSandbox = about.data?.is_sandbox ?? false;
  const items = apps.data?.items ?? [];
  const app = sellingApp(items);
  const { take, notice, mayChoose } = useTake(terminal, runner, app, isSandbox);
  if (about.isPending || apps.isPending) return <Loading rows={4} />;
  if (about.isLoadingError)
    return <Failure error={about.error} retry={() => void about.refetch()} />;
  if (apps.isLoadingError) return <Failure error={apps.error} retry={() => void apps.refetch()} />;
  const fen = isSandbox ? chargeable(amount) : REAL_FEN;
  const known = stores.some((one) => one.store_id === terminal.storeId);
  return (
    <Card>
      {app ? null : <NoApp />}
      {notice ? <Alert type="warning" showIcon title={t(notice)} /> : null}
      {refusal ? <Refusal error={refusal} /> : null}
      <EntryForm<Values>
        form={form}
        requiredMark={false}
        initialValues={{
          store_id: storeId ?? (known ? terminal.storeId : stores[0]?.store_id),
          amount: '0.01',
          way: 'face',
          code: '',
          outcome: 'paid',
        }}
        orElse={setRefusal}
        send={(values) => {
          setRefusal(null);
          form.setFieldValue('code', '');
          return take.mutateAsync(values);
        }}
      >
        <Form.Item name="store_id" label={t('cashier.store')}>
          <StoreSelect />
        </Form.Item>
        {app ? <AppItem app={app} isNewest={items.length > 1} /> : null}
        {isSandbox ? <SandboxFields mayChoose={mayChoose} /> : <RealFields />}
        <TakeButton story={story} fen={fen} hasApp={Boolean(app)} isPending={take.isPending} />
      </EntryForm>
    </Card>
  );
}

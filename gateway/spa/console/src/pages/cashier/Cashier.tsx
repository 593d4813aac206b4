/** The test cashier: takes a payment from the browser, as a device does, and shows each step of
 * its way. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Alert, Button, Form } from 'antd';
import { useEffect, useRef, useState, useSyncExternalStore } from 'react';
import { Link } from 'react-router';
import { StoreSelect } from '../../lookups/StoreSelect';
import { useStores } from '../../lookups/stores';
import { Card, PageHead } from '../../parts/bits';
import { EntryForm } from '../../parts/forms/EntryForm';
import { OPEN_NEW } from '../../parts/openNew';
import { useSay } from '../../parts/say';
import { Calm, Failure, Loading } from '../../parts/states';
import { useSession } from '../../session/session';
import { useText } from '../../texts';
import { Hops } from './Hops';
import { hindrance, inBrowser, keepSn, keptSn, type Terminal } from './keystore';
import { runnerOf } from './runner';
import { TakeForm } from './TakeForm';
import { TerminalCard } from './TerminalCard';
import { enrolled, NoAnswer, newSn } from './terminal';

function Enrol({ merchantId }: { merchantId: string }) {
  const { t } = useText();
  const say = useSay();
  const queries = useQueryClient();
  const { stores, storeId } = useStores();
  const enrol = useMutation({
    mutationFn: async ({ store_id }: { store_id: string }) => {
      const sn = (await keptSn(merchantId)) ?? newSn();
      await keepSn(merchantId, sn);
      await inBrowser.save(await enrolled(merchantId, store_id, sn));
    },
    onSuccess: () =>
      Promise.all([
        queries.invalidateQueries({ queryKey: ['cashier'] }),
        queries.invalidateQueries({ queryKey: ['devices'] }),
      ]),
  });
  return (
    <Card title={t('cashier.enrol_title')}>
      <p className="soft">{t('cashier.enrol_lead')}</p>
      {enrol.error instanceof NoAnswer ? (
        <Alert type="warning" showIcon role="alert" title={t('cashier.enrol_unknown')} />
      ) : null}
      <EntryForm<{ store_id: string }>
        isOnce
        initialValues={{ store_id: storeId ?? stores[0]?.store_id }}
        send={(values) => enrol.mutateAsync(values)}
        orElse={(error) => {
          if (!(error instanceof NoAnswer)) say.failed(error);
        }}
      >
        <Form.Item name="store_id" label={t('cashier.store')}>
          <StoreSelect />
        </Form.Item>
        <Button type="primary" htmlType="submit" loading={enrol.isPending}>
          {t('cashier.enrol')}
        </Button>
      </EntryForm>
    </Card>
  );
}

const ASK_AGAIN_MS = 1000;

function Counter({ terminal }: { terminal: Terminal }) {
  const { t } = useText();
  const runner = runnerOf(terminal, inBrowser);
  const story = useSyncExternalStore(runner.subscribe, runner.snapshot);
  const [isElsewhere, setElsewhere] = useState(false);
  const queries = useQueryClient();
  const isOver = story?.isOver ?? false;
  const startedAt = story?.startedAt;
  const way = useRef<HTMLDivElement>(null);
  useEffect(() => {
    // On a phone the steps are below the form.
    if (startedAt) way.current?.scrollIntoView({ block: 'nearest' });
  }, [startedAt]);
  const orderNo = story?.orderNo ?? null;
  useEffect(() => {
    // First ends a payment that a closed tab left unfinished. Another tab may be working on it, or
    // the page before a reload may not be gone yet: then it tries again until the terminal is free.
    let timer: ReturnType<typeof setTimeout>;
    let isGone = false;
    const resume = async () => {
      const isHeld = (await runner.resume()) === 'elsewhere';
      if (isGone) return;
      setElsewhere(isHeld);
      if (isHeld) timer = setTimeout(() => void resume(), ASK_AGAIN_MS);
    };
    void resume();
    return () => {
      isGone = true;
      clearTimeout(timer);
    };
  }, [runner]);
  useEffect(() => {
    if (!isOver && !orderNo) return;
    for (const key of ['orders', 'dashboard', 'devices']) {
      void queries.invalidateQueries({ queryKey: [key] });
    }
  }, [queries, isOver, orderNo]);
  return (
    <>
      {isElsewhere && !story ? (
        <Alert
          style={{ marginBottom: 16 }}
          type="warning"
          showIcon
          title={t('cashier.elsewhere')}
        />
      ) : null}
      <div className="two">
        <TakeForm terminal={terminal} runner={runner} story={story} />
        <div ref={way}>
          <Hops runner={runner} story={story} />
        </div>
      </div>
      <TerminalCard terminal={terminal} isOpen={story !== null && !story.isOver} />
    </>
  );
}

function Body() {
  const { t } = useText();
  const { session } = useSession();
  const { stores, isPending, error, again } = useStores();
  const merchantId = session.merchant?.merchant_id ?? '';
  const why = hindrance();
  const kept = useQuery({
    queryKey: ['cashier', merchantId],
    queryFn: () => inBrowser.load(merchantId),
    enabled: why === null,
    structuralSharing: false,
    retry: false,
  });
  if (why) {
    const local = `http://localhost:${window.location.port || '80'}/cashier`;
    const title = t(why === 'cashier.insecure' ? 'cashier.insecure_title' : why);
    return (
      <Alert
        type="warning"
        showIcon
        title={title}
        description={why === 'cashier.insecure' ? t(why, { local }) : undefined}
      />
    );
  }
  if (kept.isError) {
    return (
      <Alert
        type="error"
        showIcon
        title={t('cashier.storage_failed', { why: String(kept.error) })}
      />
    );
  }
  if (kept.isPending || isPending) return <Loading />;
  if (error) return <Failure error={error} retry={again} />;
  if (stores.length === 0) {
    return (
      <Calm
        title={t('cashier.no_store')}
        hint={t('cashier.no_store_hint')}
        action={<Link to={`/stores${OPEN_NEW}`}>{t('cashier.to_stores')}</Link>}
      />
    );
  }
  if (!kept.data) return <Enrol merchantId={merchantId} />;
  return <Counter key={kept.data.keyId} terminal={kept.data} />;
}

export default function Cashier() {
  const { t } = useText();
  const { can } = useSession();
  return (
    <>
      <PageHead title={t('cashier.title')} lead={t('cashier.lead')} />
      {can('devices.write') ? (
        <Body />
      ) : (
        <Calm title={t('error.forbidden')} hint={t('error.forbidden_hint')} />
      )}
    </>
  );
}

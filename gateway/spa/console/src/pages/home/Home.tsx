/** The dashboard's first form: today, yesterday, seven days, stores, and what is undecided. */

import { money } from '@shared/money';
import { useQuery } from '@tanstack/react-query';
import { Button, Progress } from 'antd';
import { lazy, Suspense } from 'react';
import { useNavigate } from 'react-router';
import { get } from '../../api/client';
import type { Dashboard, OnboardingMap, Totals } from '../../api/shapes';
import { Card, Money, PageHead, When } from '../../parts/bits';
import { Calm, Failure, Loading } from '../../parts/states';
import { useSession } from '../../session/session';
import { useStores } from '../../shell/stores';
import { useText } from '../../texts';
import { Consent } from '../acting/Consent';

const Trend = lazy(() => import('./Trend'));

function Figure({ label, totals, note }: { label: string; totals: Totals; note?: string }) {
  const { t } = useText();
  const average = totals.count > 0 ? Math.round(totals.paid_fen / totals.count) : 0;
  return (
    <section className="card" aria-label={label}>
      <p className="figure-label">{label}</p>
      <p className="figure">
        <Money fen={totals.paid_fen} />
      </p>
      <p className="figure-note">
        {t('home.count', { count: totals.count })} · {t('home.average', { amount: money(average) })}
        {totals.refunded_fen > 0
          ? ` · ${t('home.refunded', { amount: money(totals.refunded_fen) })}`
          : ''}
        {note ? (
          <>
            <br />
            {note}
          </>
        ) : null}
      </p>
    </section>
  );
}

function Unknown({ count }: { count: number }) {
  const { t } = useText();
  return (
    <section className={`card ${count > 0 ? 'alarm' : ''}`} aria-label={t('home.unknown')}>
      <p className="figure-label">{t('home.unknown')}</p>
      <p className="figure">{count}</p>
      <p className="figure-note">{t(count > 0 ? 'home.unknown_some' : 'home.unknown_none')}</p>
    </section>
  );
}

function Setup({ map }: { map: OnboardingMap }) {
  const { t } = useText();
  const navigate = useNavigate();
  return (
    <Card title={t('home.setup')}>
      <div className="ring">
        <Progress
          type="circle"
          size={72}
          percent={Math.round(map.percent)}
          aria-label={t('home.setup')}
        />
        <div className="stack">
          <span>{t(map.is_ready ? 'home.setup_ready' : 'home.setup_todo')}</span>
          <div>
            <Button type="primary" onClick={() => navigate('/onboarding')}>
              {t('home.setup_go')}
            </Button>
          </div>
        </div>
      </div>
    </Card>
  );
}

function ByStore({ rows }: { rows: Dashboard['by_store'] }) {
  const { t } = useText();
  const { stores } = useStores();
  const nameOf = (row: Dashboard['by_store'][number]) =>
    row.store_name ?? stores.find((store) => store.store_id === row.store_id)?.name ?? row.store_id;
  return (
    <Card title={t('home.by_store')}>
      <table className="plain">
        <thead>
          <tr>
            <th scope="col">{t('home.store')}</th>
            <th scope="col" className="num">
              {t('home.payments')}
            </th>
            <th scope="col" className="num">
              {t('home.amount')}
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.store_id}>
              <td>{nameOf(row)}</td>
              <td className="num">{row.count}</td>
              <td className="num">
                <Money fen={row.paid_fen} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  );
}

function Board({ data }: { data: Dashboard }) {
  const { t } = useText();
  const change = data.today.paid_fen - data.yesterday.paid_fen;
  const week = data.week.reduce(
    (sum, day) => ({
      paid_fen: sum.paid_fen + day.paid_fen,
      count: sum.count + day.count,
      refunded_fen: 0,
    }),
    { paid_fen: 0, count: 0, refunded_fen: 0 },
  );
  return (
    <>
      <div className="grid">
        <Figure
          label={t('home.today')}
          totals={data.today}
          note={t(change < 0 ? 'home.change_down' : 'home.change_up', {
            amount: money(Math.abs(change)),
          })}
        />
        <Figure label={t('home.yesterday')} totals={data.yesterday} />
        <Figure label={t('home.week')} totals={week} />
        <Unknown count={data.unknown_count} />
      </div>
      {week.count === 0 ? (
        <Card>
          <Calm title={t('home.empty')} hint={t('home.empty_hint')} />
        </Card>
      ) : (
        <div className="two">
          <Card title={t('home.trend')}>
            <Suspense fallback={<Loading />}>
              <Trend week={data.week} />
            </Suspense>
          </Card>
          <ByStore rows={data.by_store} />
        </div>
      )}
      <p className="soft small">
        {t('home.as_of')} <When at={data.as_of} />
      </p>
    </>
  );
}

export default function Home() {
  const { t } = useText();
  const { can } = useSession();
  const { storeId } = useStores();
  const board = useQuery({
    queryKey: ['dashboard', storeId],
    queryFn: () => get('/api/merchant/v1/dashboard', { query: { store_id: storeId } }),
    refetchInterval: 30_000,
  });
  const map = useQuery({
    queryKey: ['onboarding', ''],
    queryFn: () => get('/api/merchant/v1/onboarding'),
    enabled: can('apps.read'),
  });
  return (
    <>
      <PageHead title={t('home.title')} />
      <Consent />
      {map.data && !map.data.is_ready ? <Setup map={map.data} /> : null}
      {board.isPending ? (
        <Loading />
      ) : board.isError ? (
        <Card>
          <Failure error={board.error} retry={() => void board.refetch()} />
        </Card>
      ) : (
        <Board data={board.data} />
      )}
    </>
  );
}

/** The sales of the stores: today beside yesterday at this time, the week, stores, and open
 * questions. */

import { each, money } from '@shared/money';
import { Fragment, type ReactNode } from 'react';
import { Link } from 'react-router';
import type { Dashboard, Totals } from '../../api/shapes';
import { useStores } from '../../lookups/stores';
import { Card, Money, When } from '../../parts/bits';
import { quickDays } from '../../parts/lists/days';
import { Calm } from '../../parts/states';
import { type T, useText } from '../../texts';
import { kept, ordersOf } from './orders';
import { Recent } from './Recent';
import { TotalsHead } from './TotalsHead';
import { Trend } from './Trend';

type Filters = Record<string, string>;

function Figure({
  label,
  filters,
  figure,
  className = '',
  children,
}: {
  label: string;
  filters: Filters;
  figure: ReactNode;
  className?: string;
  children: ReactNode;
}) {
  return (
    <section className={`card figure-card ${className}`} aria-label={label}>
      <p className="figure-label">
        <Link to={ordersOf(filters)}>{label}</Link>
      </p>
      <p className="figure">{figure}</p>
      <p className="figure-note">{children}</p>
    </section>
  );
}

function Sum({
  label,
  filters,
  totals,
  note,
}: {
  label: string;
  filters: Filters;
  totals: Pick<Totals, 'paid_fen' | 'refunded_fen' | 'count'>;
  note?: string;
}) {
  const { t } = useText();
  const parts = [t('home.count', { count: totals.count })];
  if (totals.count > 0)
    parts.push(t('home.average', { amount: money(each(totals.paid_fen, totals.count)) }));
  if (totals.refunded_fen > 0) {
    parts.push(t('home.gross', { amount: money(totals.paid_fen) }));
    parts.push(t('home.refunded', { amount: money(totals.refunded_fen) }));
  }
  return (
    <Figure label={label} filters={filters} figure={<Money fen={kept(totals)} />}>
      {parts.map((part, index) => (
        <Fragment key={part}>
          {index > 0 ? ' · ' : null}
          <span className="nowrap">{part}</span>
        </Fragment>
      ))}
      {note ? (
        <>
          <br />
          {note}
        </>
      ) : null}
    </Figure>
  );
}

/** In tenths of a percent, rounded down: 999 of 1,000 are not all. */
function rate(succeeded: number, failed: number): string {
  const tenths = Math.floor((succeeded * 1000) / (succeeded + failed));
  return `${tenths / 10} %`;
}

function Rate({ totals, filters }: { totals: Totals; filters: Filters }) {
  const { t } = useText();
  const { count, failed_count } = totals;
  return (
    <Figure
      label={t('home.rate')}
      filters={failed_count > 0 ? { ...filters, order_state: 'cancelled' } : filters}
      figure={count + failed_count > 0 ? rate(count, failed_count) : '—'}
    >
      {count + failed_count === 0
        ? t('home.rate_none')
        : failed_count === 0
          ? t('home.rate_all')
          : t('home.rate_failed', { count: failed_count })}
    </Figure>
  );
}

function changeNote(t: T, now: number, before: number): string {
  const change = now - before;
  if (change === 0) return t('home.same');
  return t(change < 0 ? 'home.change_down' : 'home.change_up', { amount: money(Math.abs(change)) });
}

function ByStore({ rows }: { rows: Dashboard['by_store'] }) {
  const { t } = useText();
  const { stores } = useStores();
  const nameOf = (row: Dashboard['by_store'][number]) =>
    row.store_name ??
    stores.find((store) => store.store_id === row.store_id)?.name ??
    t('list.unknown_choice');
  return (
    <Card title={t('home.by_store')}>
      <table className="plain">
        <TotalsHead by={t('home.store')} />
        <tbody>
          {rows.map((row) => (
            <tr key={row.store_id}>
              <td>
                <Link to={ordersOf({ store_id: row.store_id, ...quickDays('week') })}>
                  {nameOf(row)}
                </Link>
              </td>
              <td className="num">{row.count}</td>
              <td className="num">
                <Money fen={kept(row)} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  );
}

export function Board({ data }: { data: Dashboard }) {
  const { t } = useText();
  const week = data.week.reduce(
    (sum, day) => ({
      paid_fen: sum.paid_fen + day.paid_fen,
      refunded_fen: sum.refunded_fen + day.refunded_fen,
      count: sum.count + day.count,
    }),
    { paid_fen: 0, refunded_fen: 0, count: 0 },
  );
  const today = { ...quickDays('today') };
  const yesterday = { ...quickDays('yesterday') };
  const seven = { ...quickDays('week') };
  return (
    <>
      <div className="figures">
        <div className="figures-row">
          <Sum
            label={t('home.today')}
            filters={today}
            totals={data.today}
            note={changeNote(t, kept(data.today), data.yesterday_by_now_fen)}
          />
          <Sum label={t('home.yesterday')} filters={yesterday} totals={data.yesterday} />
          <Sum label={t('home.week')} filters={seven} totals={week} />
          <Rate totals={data.today} filters={today} />
          {data.unknown_count > 0 ? (
            <Figure
              label={t('home.unknown')}
              filters={{ ...seven, needs_check: 'true' }}
              figure={data.unknown_count}
              className="alarm"
            >
              {t('home.unknown_some')}
            </Figure>
          ) : null}
        </div>
      </div>
      {week.count === 0 ? (
        <Card>
          <Calm title={t('home.empty')} hint={t('home.empty_hint')} />
        </Card>
      ) : (
        <div className="two">
          <div>
            <Recent />
            <Card title={t('home.trend')}>
              <Trend week={data.week} />
            </Card>
          </div>
          <ByStore rows={data.by_store} />
        </div>
      )}
      <p className="soft small">
        {data.unknown_count === 0 ? `${t('home.unknown_none')} · ` : ''}
        {t('home.as_of')} <When at={data.as_of} />
      </p>
    </>
  );
}

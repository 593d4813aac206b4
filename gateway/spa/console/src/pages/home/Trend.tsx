/** Seven days as columns; loaded only when there is something to draw. */
import { money } from '@shared/money';
import { Link } from 'react-router';
import { Bar, BarChart, CartesianGrid, ResponsiveContainer, Tooltip, XAxis, YAxis } from 'recharts';
import type { Dashboard } from '../../api/shapes';
import { useText } from '../../texts';
import { kept, ordersOf } from './orders';
import { TotalsHead } from './TotalsHead';
import { fenTicks } from './ticks';

/** recharts gives labels a grey of its own, which nobody reads in the dark. */
const LABEL = { fill: 'var(--soft)' };

export default function Trend({ week }: { week: Dashboard['week'] }) {
  const { t } = useText();
  const shown = week.map((day) => ({ ...day, day: day.date.slice(5), kept_fen: kept(day) }));
  const ticks = fenTicks(Math.max(...shown.map((day) => day.kept_fen)));
  return (
    <>
      <div className="chart" aria-hidden="true">
        <ResponsiveContainer width="100%" height="100%">
          <BarChart data={shown} accessibilityLayer={false} margin={{ left: 12, right: 8, top: 8 }}>
            <CartesianGrid vertical={false} stroke="var(--line)" />
            <XAxis dataKey="day" tick={LABEL} tickLine={false} axisLine={false} />
            <YAxis
              tick={LABEL}
              tickFormatter={money}
              tickLine={false}
              axisLine={false}
              width={84}
              ticks={ticks}
              domain={[0, ticks.at(-1) ?? 1]}
              interval={0}
            />
            <Tooltip
              cursor={{ fill: 'var(--brand-wash)' }}
              contentStyle={{
                background: 'var(--card)',
                border: '1px solid var(--line)',
                borderRadius: 8,
                color: 'var(--ink)',
              }}
              formatter={(value) => [money(Number(value)), t('orders.kept')]}
            />
            <Bar
              dataKey="kept_fen"
              fill="var(--brand)"
              radius={[5, 5, 0, 0]}
              maxBarSize={44}
              isAnimationActive={false}
            />
          </BarChart>
        </ResponsiveContainer>
      </div>
      <details>
        <summary>{t('home.table')}</summary>
        <table className="plain small">
          <caption className="soft small">{t('home.trend_label')}</caption>
          <TotalsHead by={t('home.day')} />
          <tbody>
            {shown.map((day) => (
              <tr key={day.date}>
                <td>
                  <Link to={ordersOf({ from: day.date, to: day.date })}>{day.date}</Link>
                </td>
                <td className="num">{day.count}</td>
                <td className="num">{money(day.kept_fen)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </>
  );
}

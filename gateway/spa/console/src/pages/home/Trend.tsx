/** Seven days as a chart, and as a table for people who cannot see the chart. */
import { money } from '@shared/money';
import { Tooltip } from 'antd';
import { Link } from 'react-router';
import type { Dashboard } from '../../api/shapes';
import { useText } from '../../texts';
import { kept, ordersOf } from './orders';
import { TotalsHead } from './TotalsHead';
import { fenTicks } from './ticks';

type Day = Dashboard['week'][number] & { kept_fen: number };

function Columns({ days }: { days: Day[] }) {
  const { t } = useText();
  const ticks = fenTicks(Math.max(...days.map((day) => day.kept_fen)));
  const top = ticks.at(-1) ?? 1;
  const high = (fen: number) => `${Math.max(0, (100 * fen) / top)}%`;
  return (
    <div className="chart" aria-hidden="true">
      <div className="chart-axis">
        {ticks.map((fen) => (
          <span key={fen} className="chart-mark" style={{ bottom: high(fen) }}>
            {money(fen)}
          </span>
        ))}
      </div>
      <div className="chart-plot">
        {ticks.map((fen) => (
          <div key={fen} className="chart-line" style={{ bottom: high(fen) }} />
        ))}
        {days.map((day) => (
          <Tooltip
            key={day.date}
            title={`${day.date} · ${t('orders.kept')} ${money(day.kept_fen)}`}
          >
            <div className="chart-day">
              <div className="chart-bar" style={{ height: high(day.kept_fen) }} />
              <span className="chart-name">{day.date.slice(5)}</span>
            </div>
          </Tooltip>
        ))}
      </div>
    </div>
  );
}

export function Trend({ week }: { week: Dashboard['week'] }) {
  const { t } = useText();
  const days = week.map((day) => ({ ...day, kept_fen: kept(day) }));
  return (
    <>
      <Columns days={days} />
      <details>
        <summary>{t('home.table')}</summary>
        <table className="plain small">
          <caption className="soft small">{t('home.trend_label')}</caption>
          <TotalsHead by={t('home.day')} />
          <tbody>
            {days.map((day) => (
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

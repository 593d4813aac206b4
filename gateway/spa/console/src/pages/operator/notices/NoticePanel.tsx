/** One notice beside the list: its merchant, its content, and its result. */
import { useQuery } from '@tanstack/react-query';
import { Drawer } from 'antd';
import { Link } from 'react-router';
import { get } from '../../../api/client';
import type { NoticeDetail } from '../../../api/shapes';
import { Facts, Id, Money, Tag, When } from '../../../parts/bits';
import { Failure, Loading } from '../../../parts/states';
import { useTabTitle } from '../../../parts/tabTitle';
import { word } from '../../../parts/words';
import { isText, type T, useText } from '../../../texts';
import { type Named, TONES } from './notices';

/** The reason in words; for an unknown code a general text. */
export function reasonText(t: T, reason: string | null | undefined): string {
  if (!reason) return '—';
  const key = `notice_reason.${reason}`;
  return isText(key) ? t(key) : t('notice_reason.any');
}

interface Props {
  notice: NoticeDetail;
  name: string;
}

function About({ notice, name }: Props) {
  const { t } = useText();
  return (
    <Facts
      rows={[
        [
          t('notices.merchant'),
          <Link key="m" to={`/merchants/${notice.merchant_id}`}>
            {name}
          </Link>,
        ],
        [t('notices.kind'), word(t, 'notice_kind', notice.kind)],
        [t('notices.reason'), reasonText(t, notice.reason)],
        [t('notices.trade'), <Id key="o" value={notice.out_trade_no} label={t('notices.trade')} />],
        [
          t('notices.trade_no'),
          <Id key="n" value={notice.trade_no} label={t('notices.trade_no')} />,
        ],
        [t('notices.app'), <Id key="a" value={notice.app_id} label={t('notices.app')} />],
        [t('notices.at'), <When key="at" at={notice.received_at} />],
        [t('notices.deliveries'), String(notice.deliveries)],
        ...(notice.last_received_at
          ? [
              [t('notices.last_at'), <When key="last" at={notice.last_received_at} />] as [
                string,
                React.ReactNode,
              ],
            ]
          : []),
        ...(notice.asked_at
          ? [
              [t('notices.asked'), <When key="asked" at={notice.asked_at} />] as [
                string,
                React.ReactNode,
              ],
            ]
          : []),
      ]}
    />
  );
}

/** The fields that were sent. */
function Fields({ fields }: Pick<NoticeDetail, 'fields'>) {
  const { t } = useText();
  return (
    <details data-verbatim>
      <summary>{t('notices.fields')}</summary>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, also by the keyboard */}
      <section className="keybox quoted" tabIndex={0} aria-label={t('notices.fields')}>
        <Facts
          rows={Object.entries(fields).map(([field, value]) => [
            field,
            <span key={field} className="mono">
              {value}
            </span>,
          ])}
        />
      </section>
    </details>
  );
}

function Shown({ notice, name }: Props) {
  const { t } = useText();
  return (
    <div className="stack">
      <div className="row">
        {notice.total_fen === null ? null : (
          <p className="figure">
            <Money fen={notice.total_fen} />
          </p>
        )}
        <Tag tone={TONES[notice.verdict] ?? 'mute'}>{word(t, 'verdict', notice.verdict)}</Tag>
      </div>
      <About notice={notice} name={name} />
      {notice.replays.length > 0 ? (
        <section aria-label={t('notices.replays')}>
          <h2>{t('notices.replays')}</h2>
          <ul>
            {notice.replays.map((one) => (
              <li key={one.at}>
                <When at={one.at} /> {word(t, 'verdict', one.verdict_before)} →{' '}
                {word(t, 'verdict', one.verdict_after)}
              </li>
            ))}
          </ul>
        </section>
      ) : null}
      <Fields fields={notice.fields} />
    </div>
  );
}

export function NoticePanel({ row, onClose }: { row: Named | null; onClose: () => void }) {
  const { t } = useText();
  const path = {
    merchant_id: row?.merchant_id ?? '',
    app_id: row?.app_id ?? '',
    notify_id: row?.notify_id ?? '',
  };
  const found = useQuery({
    queryKey: ['notices', 'one', path],
    queryFn: () => get('/api/operator/v1/notices/{merchant_id}/{app_id}/{notify_id}', { path }),
    enabled: row !== null,
  });
  const title = t('notices.one', { no: row?.out_trade_no ?? '' });
  useTabTitle(row ? title : null, 'over');
  return (
    <Drawer
      open={row !== null}
      size={560}
      title={title}
      onClose={onClose}
      closable={{ 'aria-label': t('do.close') }}
    >
      {found.isLoadingError ? (
        <Failure error={found.error} retry={() => void found.refetch()} />
      ) : found.data ? (
        <Shown notice={found.data} name={row?.merchant_name ?? ''} />
      ) : (
        <Loading />
      )}
    </Drawer>
  );
}

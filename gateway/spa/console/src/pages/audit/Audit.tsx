/** The audit log: who changed what, with the values before and after, and the proof that no
 * entry was altered. */

import { chinaTime, ZONE } from '@shared/time';
import { useMutation } from '@tanstack/react-query';
import { Alert, Button, Drawer } from 'antd';
import { useMemo, useState } from 'react';
import { at, type Console, get, post, type Query, textOf } from '../../api/client';
import type { AuditRow } from '../../api/shapes';
import { Facts, When } from '../../parts/bits';
import type { Column } from '../../parts/lists/columns';
import { download, fileName } from '../../parts/lists/csv';
import { fetchDays } from '../../parts/lists/FilterBar';
import type { Filter } from '../../parts/lists/filters';
import { ListPage } from '../../parts/lists/ListPage';
import { useSay } from '../../parts/say';
import { useTabTitle } from '../../parts/tabTitle';
import { word } from '../../parts/words';
import { useSession } from '../../session/session';
import { type T, useText, wordsOf } from '../../texts';
import { actorText, Change, subjectText } from './facts';

fetchDays();

function useVerify() {
  const { t } = useText();
  const say = useSay();
  const { console, session } = useSession();
  const side = session.acting ? 'merchant' : console;
  const verify = useMutation({
    mutationFn: () => post(at(side, '/audit/verify'), {}),
    onError: say.failed,
  });
  const found = verify.data;
  return {
    button: (
      <Button onClick={() => verify.mutate()} loading={verify.isPending}>
        {t('audit.verify')}
      </Button>
    ),
    verdict: found ? (
      <Alert
        style={{ marginBottom: 16 }}
        type={found.is_intact ? (found.anchored_seq > 0 ? 'success' : 'warning') : 'error'}
        showIcon
        title={
          found.is_intact
            ? t('audit.intact', { entries: found.entries })
            : found.broken_at === null
              ? t(found.why === 'gap' ? 'audit.gap' : 'audit.forged')
              : t('audit.broken', { seq: found.broken_at })
        }
        description={
          found.anchored_at
            ? t('audit.anchored', {
                at: `${chinaTime(found.anchored_at)} ${ZONE}`,
                seq: found.anchored_seq,
              })
            : t('audit.unanchored')
        }
      />
    ) : null,
  };
}

/** The technical name and the hash in the chain, for support. */
function keep(title: string, row: AuditRow): void {
  const name = fileName(`${title}_${row.seq}`, new Date(row.at), 'json');
  download(name, JSON.stringify(row, null, 2), 'application/json');
}

function Entry({ row, onClose }: { row: AuditRow | null; onClose: () => void }) {
  const { t } = useText();
  useTabTitle(row ? `${word(t, 'audit_action', row.action)} · ${row.seq}` : null, 'over');
  return (
    <Drawer
      open={row !== null}
      onClose={onClose}
      size={640}
      title={row ? word(t, 'audit_action', row.action) : ''}
      closable={{ 'aria-label': t('do.close') }}
    >
      {row ? (
        <div className="stack">
          <Facts
            rows={[
              [t('audit.seq'), row.seq],
              [t('audit.at'), <When key="at" at={row.at} />],
              [t('audit.actor'), actorText(t, row)],
              [t('audit.subject'), subjectText(t, row)],
              [t('audit.address'), row.address ?? '—'],
              ...(row.reason ? [[t('acting.reason'), row.reason] as [string, string]] : []),
            ]}
          />
          <div className="diff">
            <Change title={t('audit.before')} facts={row.before} />
            <Change title={t('audit.after')} facts={row.after} />
          </div>
          <div>
            <Button onClick={() => keep(t('audit.title'), row)}>{t('audit.raw')}</Button>
          </div>
        </div>
      ) : null}
    </Drawer>
  );
}

/** Actions that are no longer written. Old entries keep their words, but the filter does not
 * offer them. */
const FORMER = [
  'settings.wechat',
  'wechat.change_ask',
  'wechat.change_approved',
  'wechat.change_rejected',
  'wechat.change_expired',
];
const ACTIONS = wordsOf('audit_action').filter((action) => !FORMER.includes(action));

function useFilters(): Filter[] {
  const { t } = useText();
  return useMemo(
    () => [
      { name: 'actor', label: t('audit.actor'), kind: 'search' },
      {
        name: 'action',
        label: t('audit.action'),
        kind: 'select',
        options: ACTIONS.map((value) => ({ value, label: word(t, 'audit_action', value) })),
      },
      { name: 'from', label: t('audit.from'), kind: 'day-from' },
      { name: 'to', label: t('audit.to'), kind: 'day-to' },
    ],
    [t],
  );
}

function columnsOf(t: T, open: (row: AuditRow) => void): Column<AuditRow>[] {
  return [
    { key: 'seq', title: t('audit.seq'), align: 'right', render: (row) => row.seq },
    { key: 'at', title: t('audit.at'), render: (row) => <When at={row.at} /> },
    {
      key: 'actor',
      title: t('audit.actor'),
      render: (row) => <span className="whole">{actorText(t, row)}</span>,
    },
    {
      key: 'action',
      title: t('audit.action'),
      render: (row) => <span className="whole">{word(t, 'audit_action', row.action)}</span>,
    },
    {
      key: 'subject',
      title: t('audit.subject'),
      render: (row) => <span className="whole">{subjectText(t, row)}</span>,
    },
    { key: 'address', title: t('audit.address'), render: (row) => row.address || '—' },
    {
      key: 'open',
      title: t('orders.action'),
      isAction: true,
      render: (row) => (
        <Button
          type="link"
          size="small"
          aria-label={`${t('do.detail')} ${row.seq}`}
          onClick={() => open(row)}
        >
          {t('do.detail')}
        </Button>
      ),
    },
  ];
}

/** Exports the whole filtered log as one file. */
function useExportAll(side: Console) {
  const { t } = useText();
  const say = useSay();
  return ({ page: _, page_size: __, cursor: ___, back: ____, ...query }: Query) => {
    const filters = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) if (value) filters.set(name, String(value));
    void textOf(`${at(side, '/audit')}/export?${filters}`)
      .then((text) => download(fileName(t('audit.title')), `\ufeff${text}`))
      .catch(say.failed);
  };
}

export default function Audit() {
  const { t } = useText();
  const { console, session } = useSession();
  const side = session.acting ? 'merchant' : console;
  const exportAll = useExportAll(side);
  const [opened, setOpened] = useState<AuditRow | null>(null);
  const { button, verdict } = useVerify();
  const filters = useFilters();
  const columns = columnsOf(t, setOpened);
  return (
    <>
      <ListPage<AuditRow>
        title={t('audit.title')}
        lead={t('audit.lead')}
        queryKey={['audit', side]}
        load={(query) => get(at(side, '/audit'), { query })}
        rowKey={(row) => row.audit_id}
        columns={columns}
        filters={filters}
        onOpen={setOpened}
        exports={exportAll}
        actions={button}
        above={verdict}
        empty={{ title: t('audit.empty'), hint: t('audit.empty_hint') }}
      />
      <Entry row={opened} onClose={() => setOpened(null)} />
    </>
  );
}

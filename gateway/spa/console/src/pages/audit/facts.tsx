/** The values before and after an audit entry, in words; the rest is for experts. */
import { money } from '@shared/money';
import { chinaTime, ZONE } from '@shared/time';
import type { AuditRow } from '../../api/shapes';
import { useStores } from '../../lookups/stores';
import { Facts } from '../../parts/bits';
import { word } from '../../parts/words';
import { isText, type T, useText } from '../../texts';

const INSTANT = /^\d{4}-\d\d-\d\dT/;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-/;
/** Fields whose values are codes, and the word group for them. */
const GROUPS: Record<string, string> = {
  edition: 'edition',
  end_cause: 'grant_end',
  mode: 'audit_mode',
  permission_set: 'grant_set',
  reason_code: 'failure',
  role: 'role',
};

function stateWord(t: T, value: string): string {
  const group = ['row_state', 'grant_state'].find((one) => isText(`${one}.${value}`));
  return word(t, group ?? 'word', value);
}

/** null: a field without meaning for people. */
function shown(t: T, storeName: (id: string) => string | null, name: string, value: unknown) {
  if (value === null || value === undefined || value === '') return '—';
  if (typeof value === 'boolean') return t(value ? 'bind.on' : 'bind.off');
  if (typeof value === 'number') return name.endsWith('_fen') ? money(value) : String(value);
  if (Array.isArray(value)) {
    if (name !== 'store_ids') return null;
    if (value.length === 0) return t('app.all_stores');
    return value.map((id) => storeName(String(id)) ?? t('word.other')).join(t('bind.and'));
  }
  if (typeof value !== 'string') return null;
  if (name === 'store_id') return storeName(value);
  if (name === 'state') return stateWord(t, value);
  const group = GROUPS[name];
  if (group) return word(t, group, value);
  if (UUID.test(value)) return null;
  return INSTANT.test(value) ? `${chinaTime(value)} ${ZONE}` : value;
}

export function Change({ title, facts }: { title: string; facts: AuditRow['before'] }) {
  const { t } = useText();
  const { stores } = useStores();
  const storeName = (id: string) => stores.find((one) => one.store_id === id)?.name ?? null;
  const rows = Object.entries(facts ?? {}).flatMap(([name, value]): [string, string][] => {
    const key = `audit_fact.${name}`;
    const text = isText(key) ? shown(t, storeName, name, value) : null;
    return isText(key) && text !== null ? [[t(key), text]] : [];
  });
  return (
    <div>
      <h3>{title}</h3>
      {rows.length > 0 ? <Facts rows={rows} /> : <p className="soft">—</p>}
    </div>
  );
}

/** A readable name of the session, person or thing that an entry is about. */
export function subjectText(t: T, row: AuditRow): string {
  const kind = word(t, 'audit_subject', row.action.split('.')[0]);
  const values = { ...row.before, ...row.after } as Record<string, unknown>;
  const named = [
    row.subject_name,
    values.sn,
    values.out_trade_no,
    values.name,
    values.operator,
  ].find((one) => typeof one === 'string' && one !== '');
  if (named) return `${kind} · ${named}`;
  const [first = '', rest] = row.subject.split(':');
  if (rest && /^\d+\.\d+$/.test(rest)) return `${kind} ${rest}`;
  return /^\d{16}$/.test(first) ? `${kind} · ${first}` : kind;
}

export function actorText(t: T, row: AuditRow): string {
  const [kind = ''] = row.actor.split(':');
  if (row.actor_name && row.actor_name !== row.actor) return row.actor_name;
  return word(t, 'actor', kind);
}

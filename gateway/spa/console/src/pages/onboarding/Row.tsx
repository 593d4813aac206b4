/** One row of the checklist: what to do, the values for it, its form, its evidence, its remedy. */
import { Button, Input } from 'antd';
import { useState } from 'react';
import { useNavigate } from 'react-router';
import type { OnboardingRow } from '../../api/shapes';
import { CopyButton, Facts, Tag, When } from '../../parts/bits';
import { ToAlipay } from '../../parts/sandbox';
import { tone, word } from '../../parts/words';
import { useText } from '../../texts';
import { RowForm } from './RowForm';

export interface RowAction {
  row: string;
  act: 'check' | 'run' | 'done' | 'reopen';
  form?: Record<string, string>;
  note?: string;
}

interface Props {
  row: OnboardingRow;
  isNext: boolean;
  isBusy: boolean;
  onAct: (action: RowAction) => void;
}

const CLOSED = new Set(['done', 'skipped']);

function Copies({ row }: { row: OnboardingRow }) {
  const { t, either } = useText();
  if (row.copy.length === 0) return null;
  return (
    <div className="stack">
      <strong>{t('wizard.copy')}</strong>
      <Facts
        rows={row.copy.map((one) => {
          const label = either(one.label_zh, one.label_en);
          return [
            label,
            <span key={label} className="copyable">
              <span className="mono">{one.value}</span>
              <CopyButton text={one.value} label={label} />
            </span>,
          ];
        })}
      />
    </div>
  );
}

function shownValue(value: unknown): string {
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value);
}

function Evidence({ row }: { row: OnboardingRow }) {
  const { t, either } = useText();
  const found = Object.entries(row.evidence ?? {}).filter(
    ([, value]) => value !== null && value !== '',
  );
  const remedy = either(row.remedy_zh, row.remedy_en);
  return (
    <>
      {remedy && !CLOSED.has(row.state) ? (
        <div className="remedy">
          <strong>{t('wizard.remedy')}</strong>
          <div>{remedy}</div>
        </div>
      ) : null}
      {found.length > 0 ? (
        <details open={row.state === 'failed'}>
          <summary>{t('wizard.evidence')}</summary>
          <Facts
            rows={found.map(([name, value]) => [
              name,
              <span key={name} className="mono">
                {shownValue(value)}
              </span>,
            ])}
          />
        </details>
      ) : null}
      {row.note ? <div>{t('wizard.noted', { note: row.note })}</div> : null}
      {row.at ? (
        <span className="soft small">
          {CLOSED.has(row.state)
            ? t('wizard.by', { who: row.by ?? t('wizard.system') })
            : t('wizard.checked_at')}{' '}
          <When at={row.at} />
        </span>
      ) : null}
    </>
  );
}

function MarkDone({ row, isBusy, onAct }: Omit<Props, 'isNext'>) {
  const { t } = useText();
  const [note, setNote] = useState('');
  return (
    <div className="row">
      <Input
        style={{ maxWidth: 360 }}
        value={note}
        maxLength={200}
        aria-label={t('wizard.note')}
        placeholder={t('wizard.note')}
        onChange={(event) => setNote(event.target.value)}
      />
      <Button loading={isBusy} onClick={() => onAct({ row: row.row, act: 'done', note })}>
        {t('wizard.mark_done')}
      </Button>
    </div>
  );
}

/** Rows whose work is done on our own pages. */
const OWN_PAGES: Record<string, string> = {
  mini_program: '/dragonfly?tab=iot',
  signing_keys: '/dragonfly?tab=iot',
  app_bound: '/dragonfly?tab=iot',
  device_online: '/devices',
};

function Actions({ row, isBusy, onAct }: Omit<Props, 'isNext'>) {
  const { t } = useText();
  const navigate = useNavigate();
  const own = OWN_PAGES[row.code];
  if (CLOSED.has(row.state)) {
    return (
      <div>
        <Button
          size="small"
          onClick={() => onAct({ row: row.row, act: 'reopen' })}
          loading={isBusy}
        >
          {t('wizard.reopen')}
        </Button>
      </div>
    );
  }
  return (
    <>
      {row.form && row.can_run ? (
        <RowForm
          row={row}
          isBusy={isBusy}
          onRun={(form) => onAct({ row: row.row, act: 'run', form })}
        />
      ) : null}
      <div className="row">
        {own ? (
          <Button type="primary" onClick={() => navigate(own)}>
            {t(own === '/devices' ? 'wizard.devices_here' : 'wizard.bind_here')}
          </Button>
        ) : null}
        {row.can_run && !row.form ? (
          <Button
            type="primary"
            loading={isBusy || row.state === 'running'}
            onClick={() => onAct({ row: row.row, act: 'run' })}
          >
            {t('wizard.run')}
          </Button>
        ) : null}
        {row.can_check ? (
          <Button loading={isBusy} onClick={() => onAct({ row: row.row, act: 'check' })}>
            {t('wizard.check')}
          </Button>
        ) : null}
        {row.where_url ? (
          <ToAlipay
            url={row.where_url}
            text={t('wizard.where')}
            tab={row.row.startsWith('5') ? 'devices' : 'platform'}
          />
        ) : null}
      </div>
      {row.can_mark ? <MarkDone row={row} isBusy={isBusy} onAct={onAct} /> : null}
    </>
  );
}

export function Row({ row, isNext, isBusy, onAct }: Props) {
  const { t, either } = useText();
  const [isOpen, setOpen] = useState(isNext || row.state === 'failed' || row.state === 'running');
  const help = either(row.help_zh, row.help_en);
  return (
    <li className={`steps-row ${isNext ? 'next' : ''}`}>
      <header>
        <span className="no">{row.row}</span>
        <h3>{either(row.title_zh, row.title_en)}</h3>
        <span className="soft small">{word(t, 'row_kind', row.kind)}</span>
        <Tag tone={tone(row.state)}>{word(t, 'row_state', row.state)}</Tag>
        <Button
          size="small"
          aria-expanded={isOpen}
          aria-label={`${t(isOpen ? 'do.close' : 'do.detail')} ${row.row}`}
          onClick={() => setOpen(!isOpen)}
        >
          {t(isOpen ? 'do.close' : 'do.detail')}
        </Button>
      </header>
      {isOpen ? (
        <div className="body">
          {help ? <div>{help}</div> : null}
          <Copies row={row} />
          <Evidence row={row} />
          <Actions row={row} isBusy={isBusy} onAct={onAct} />
        </div>
      ) : null}
    </li>
  );
}

/** One row of a card: what to do, the values for it, its form, the result of its check, its
 * remedy. */
import { Button, Input, Progress } from 'antd';
import { useState } from 'react';
import { Link } from 'react-router';
import type { OnboardingRow } from '../../api/shapes';
import { CopyButton, Facts, Tag, When } from '../../parts/bits';
import { NewStore } from '../../parts/forms/NewStore';
import { GoButton } from '../../parts/GoButton';
import { OPEN_NEW } from '../../parts/openNew';
import { ToAlipay, useSandboxPage } from '../../parts/sandbox';
import { tone, word } from '../../parts/words';
import { useSession } from '../../session/session';
import { isText, type TextKey, useText } from '../../texts';
import { isOver } from './map';
import { RowForm } from './RowForm';
import type { RowAction } from './useMap';
import { useWay } from './way';

interface Props {
  row: OnboardingRow;
  /** the app of the map; null: none is bound yet */
  appId: string | null;
  isNext: boolean;
  isBusy: boolean;
  onAct: (action: RowAction) => void;
  /** the same for a form, which shows refused fields itself */
  onSend: (action: RowAction) => Promise<unknown>;
  onKeep: (row: string, form: Record<string, string>) => Promise<boolean>;
  onGo: (row: string) => void;
}

/** The instructions, while the person can follow them: first for the sandbox, then, on request,
 * for the real Alipay. Later only on request, because its buttons are gone. */
function Way({ row }: Pick<Props, 'row'>) {
  const { t } = useText();
  const way = useWay();
  const [here, help] = [way.here(row), way.help(row)];
  const isFolded = way.isOther(row) || isOver(row);
  return (
    <>
      {here ? <div>{here}</div> : null}
      {help && !isFolded ? <div>{help}</div> : null}
      {help && isFolded ? (
        <details>
          <summary>{t(way.isOther(row) ? 'sandbox.real_way' : 'wizard.how')}</summary>
          <div>{help}</div>
        </details>
      ) : null}
    </>
  );
}

/** The app's name, for people who have to find it on Alipay's pages. */
function OwnApp({ row, appId }: Pick<Props, 'row' | 'appId'>) {
  if (!appId || !row.where_url || row.optional) return null;
  const number = (
    <span key="number" className="copyable">
      <span className="mono">{appId}</span>
      <CopyButton text={appId} label="AppID" />
    </span>
  );
  return <Facts rows={[['AppID', number]]} />;
}

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
              <span className="mono" data-verbatim>
                {one.value}
              </span>
              <CopyButton text={one.value} label={label} />
            </span>,
          ];
        })}
      />
    </div>
  );
}

/** The reason of the failure: the platform's own words first, then what to do and where. */
function Remedy({ row, onGo }: Pick<Props, 'row' | 'onGo'>) {
  const { t } = useText();
  const remedy = useWay().remedy(row);
  // A step that was not done yet is no fault; the row itself says what to do.
  if (!remedy || isOver(row) || (row.state === 'todo' && row.can_run && !row.can_mark)) return null;
  const target = row.remedy_row;
  return (
    <div className={row.state === 'failed' ? 'remedy' : 'remedy calm-remedy'}>
      {row.reason ? <strong>{t('wizard.alipay_reason', { reason: row.reason })}</strong> : null}
      {row.reason ? null : <strong>{t('wizard.remedy')}</strong>}
      <div>{remedy}</div>
      {target ? (
        <Button size="small" onClick={() => onGo(target)}>
          {t('wizard.go_there')}
        </Button>
      ) : null}
    </div>
  );
}

function Found({ row }: { row: OnboardingRow }) {
  const { t } = useText();
  const evidence = row.evidence ?? {};
  // Only fields that have a label; the others are the platform's and mean nothing to people.
  const found = Object.entries(evidence).filter(
    ([name, value]) => value !== null && value !== '' && isText(`evidence.${name}`),
  );
  const percent = /^p(\d+)$/.exec(String(evidence.share ?? ''))?.[1];
  return (
    <>
      {percent && row.state === 'todo' ? (
        <div className="row">
          <span>{t('wizard.rollout', { percent })}</span>
          <Progress
            percent={Number(percent)}
            size="small"
            showInfo={false}
            style={{ flex: '1 1 160px', maxWidth: 320 }}
            aria-hidden
          />
        </div>
      ) : null}
      {found.length > 0 ? (
        <Facts
          rows={found.map(([name, value]) => [
            t(`evidence.${name}` as TextKey),
            <span key={name} className="mono" data-verbatim={Array.isArray(value) || undefined}>
              {Array.isArray(value) ? value.join(' ') : String(value)}
            </span>,
          ])}
        />
      ) : null}
      {row.note ? <div>{t('wizard.noted', { note: row.note })}</div> : null}
      {row.at ? (
        <span className="soft small">
          {isOver(row)
            ? t('wizard.by', {
                who: !row.by || row.by === 'platform' ? t('wizard.system') : row.by,
              })
            : t('wizard.checked_at')}{' '}
          <When at={row.at} />
        </span>
      ) : null}
    </>
  );
}

function MarkDone({ row, isBusy, onAct }: Pick<Props, 'row' | 'isBusy' | 'onAct'>) {
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
      <Button
        type="primary"
        loading={isBusy}
        onClick={() => onAct({ row: row.row, act: 'done', note })}
      >
        {t('wizard.mark_done')}
      </Button>
    </div>
  );
}

/** A link to where the work is done: Alipay, or in the sandbox the sandbox's page. */
function Where({ row, appId, url }: Pick<Props, 'row' | 'appId'> & { url: string }) {
  const { t } = useText();
  if (url.startsWith('https://opendocs.alipay.com')) {
    return (
      <Button href={url} target="_blank" rel="noreferrer noopener">
        {t('wizard.where_tool')}
      </Button>
    );
  }
  const text = url.startsWith('https://b.alipay.com') ? 'wizard.where_centre' : 'wizard.where';
  const tab = row.row.startsWith('5') ? 'devices' : 'platform';
  return <ToAlipay url={url} text={t(text)} tab={tab} appId={appId} />;
}

/** Rows whose work is done on our own pages. */
const OWN_PAGES: Record<string, { path: string; text: TextKey }> = {
  mini_program: { path: '/dragonfly?tab=iot', text: 'wizard.bind_here' },
  signing_keys: { path: '/dragonfly?tab=iot', text: 'wizard.bind_here' },
  app_bound: { path: '/dragonfly?tab=iot', text: 'wizard.bind_here' },
  device_online: { path: `/devices${OPEN_NEW}`, text: 'wizard.devices_here' },
};

/** In the sandbox nobody has a real device: the browser can be one. */
function Rehearse({ row }: Pick<Props, 'row'>) {
  const { t } = useText();
  const isSandbox = useSandboxPage() !== null;
  const { can } = useSession();
  if (!isSandbox || !['pushed', 'device_online'].includes(row.code) || !can('devices.write'))
    return null;
  return (
    <div>
      {t('wizard.no_device')}{' '}
      <Link to="/cashier" style={{ textDecoration: 'underline' }}>
        {t('wizard.to_cashier')}
      </Link>
    </div>
  );
}

function Actions({ row, appId, isBusy, onAct, onSend, onKeep }: Omit<Props, 'isNext' | 'onGo'>) {
  const { t } = useText();
  const { can } = useSession();
  const own = OWN_PAGES[row.code];
  const mayWrite = can('onboarding.write');
  const isSandbox = useSandboxPage() !== null;
  if (row.state === 'blocked') return null;
  return (
    <>
      {row.form && row.can_run && mayWrite ? (
        <RowForm
          row={row}
          isBusy={isBusy}
          onRun={(form) => onSend({ row: row.row, act: 'run', form })}
          onKeep={(form) => onKeep(row.row, form)}
        />
      ) : null}
      <div className="row">
        {row.code === 'store' && can('stores.write') ? <NewStore /> : null}
        {own ? (
          <GoButton type="primary" to={own.path}>
            {t(own.text)}
          </GoButton>
        ) : null}
        {row.code === 'device_online' && isSandbox && can('devices.write') ? (
          <GoButton to="/cashier">{t('wizard.cashier_here')}</GoButton>
        ) : null}
        {row.can_run && !row.form && mayWrite ? (
          <Button
            type="primary"
            loading={isBusy}
            onClick={() => onAct({ row: row.row, act: 'run' })}
          >
            {t(`run.${row.code}` as TextKey)}
          </Button>
        ) : null}
        {row.can_check && can('onboarding.check') ? (
          <Button loading={isBusy} onClick={() => onAct({ row: row.row, act: 'check' })}>
            {t('wizard.check')}
          </Button>
        ) : null}
        {row.where_url ? <Where row={row} appId={appId} url={row.where_url} /> : null}
      </div>
      {row.can_reopen && mayWrite ? <PushAgain row={row} isBusy={isBusy} onAct={onAct} /> : null}
      <Rehearse row={row} />
      {row.can_mark && mayWrite ? <MarkDone row={row} isBusy={isBusy} onAct={onAct} /> : null}
    </>
  );
}

/** The way back from a push that Alipay took and no device installed: the form, with the numbers
 * typed last. */
function PushAgain({ row, isBusy, onAct }: Pick<Props, 'row' | 'isBusy' | 'onAct'>) {
  const { t } = useText();
  return (
    <div>
      <div>{t('wizard.push_waits')}</div>
      <Button onClick={() => onAct({ row: row.row, act: 'reopen' })} loading={isBusy}>
        {t('wizard.push_again')}
      </Button>
    </div>
  );
}

/** A row that is done: it can be opened again, and a new version can follow. */
function Again({ row, isBusy, onAct, onSend, onKeep }: Omit<Props, 'isNext' | 'onGo'>) {
  const { t } = useText();
  const { can } = useSession();
  if (!can('onboarding.write')) return null;
  if (row.code === 'package_uploaded' && row.can_run) {
    return (
      <details>
        <summary>{t('wizard.new_version')}</summary>
        <RowForm
          row={row}
          isBusy={isBusy}
          onRun={(form) => onSend({ row: row.row, act: 'run', form })}
          onKeep={(form) => onKeep(row.row, form)}
        />
      </details>
    );
  }
  if (!row.can_reopen) return null;
  return (
    <div>
      <Button size="small" onClick={() => onAct({ row: row.row, act: 'reopen' })} loading={isBusy}>
        {t('wizard.reopen')}
      </Button>
    </div>
  );
}

export function Row({ isNext, onGo, ...rest }: Props) {
  const { row } = rest;
  const { t, either } = useText();
  const [isOpen, setOpen] = useState(isNext || row.state === 'failed' || row.state === 'running');
  const title = either(row.title_zh, row.title_en);
  return (
    <li className={`steps-row ${isNext ? 'next' : ''}`} data-row={row.row}>
      <header>
        <h3>{title}</h3>
        <Tag tone={tone(row.state)}>{word(t, 'row_state', row.state)}</Tag>
        <Button
          size="small"
          aria-expanded={isOpen}
          aria-label={t(isOpen ? 'wizard.close_row' : 'wizard.open_row', { title })}
          onClick={() => setOpen(!isOpen)}
        >
          {t(isOpen ? 'wizard.close' : 'wizard.open')}
        </Button>
      </header>
      {isOpen ? (
        <div className="body">
          <Way row={row} />
          <OwnApp row={row} appId={rest.appId} />
          <Remedy row={row} onGo={onGo} />
          <Copies row={row} />
          <Found row={row} />
          {isOver(row) ? <Again {...rest} /> : <Actions {...rest} />}
        </div>
      ) : null}
    </li>
  );
}

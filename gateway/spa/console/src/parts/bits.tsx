/** Basic elements of all pages: heading, money, time, ids with a copy button, states as tags. */
import { CheckOutlined, CopyOutlined } from '@ant-design/icons';
import { money } from '@shared/money';
import { chinaTime, ZONE } from '@shared/time';
import { Button, Tooltip } from 'antd';
import { type ReactNode, useEffect, useState } from 'react';
import { useText } from '../texts';
import { useTabTitle } from './tabTitle';

export function PageHead({
  title,
  lead,
  actions,
}: {
  title: string;
  lead?: ReactNode;
  actions?: ReactNode;
}) {
  useTabTitle(title);
  return (
    <div className="head">
      <div>
        <h1>{title}</h1>
        {lead ? <p>{lead}</p> : null}
      </div>
      {actions ? <div className="head-actions">{actions}</div> : null}
    </div>
  );
}

export function Card({
  title,
  extra,
  children,
  className = '',
}: {
  title?: string;
  extra?: ReactNode;
  children: ReactNode;
  className?: string;
}) {
  return (
    <section className={`card ${className}`} aria-label={title}>
      {title ? (
        <div className="card-head">
          <h2>{title}</h2>
          {extra}
        </div>
      ) : null}
      {children}
    </section>
  );
}

export function Money({ fen }: { fen: number }) {
  return <span className="nowrap">{money(fen)}</span>;
}

/** A time in China, with its zone unless the column's head has it (`isBare`); empty without a
 * time. */
export function When({ at, isBare = false }: { at: string | null | undefined; isBare?: boolean }) {
  if (!at) return <span className="soft">—</span>;
  return (
    <time dateTime={at} className="nowrap">
      {chinaTime(at)} {isBare ? null : <span className="soft small">{ZONE}</span>}
    </time>
  );
}

export function useCopy(): [boolean, (text: string) => void] {
  const [isDone, setDone] = useState(false);
  useEffect(() => {
    if (!isDone) return undefined;
    const timer = setTimeout(() => setDone(false), 2000);
    return () => clearTimeout(timer);
  }, [isDone]);
  return [isDone, (text) => void navigator.clipboard.writeText(text).then(() => setDone(true))];
}

export function CopyButton({ text, label }: { text: string; label?: string }) {
  const { t } = useText();
  const [isDone, copy] = useCopy();
  const name = isDone ? t('do.copied') : label ? `${t('do.copy')} ${label}` : t('do.copy');
  return (
    <Tooltip title={name}>
      <Button
        type="text"
        size="small"
        icon={isDone ? <CheckOutlined /> : <CopyOutlined />}
        aria-label={name}
        onClick={(event) => {
          event.stopPropagation();
          copy(text);
        }}
      />
    </Tooltip>
  );
}

/** An id in full or shortened in the middle; the button always copies all of it. */
export function Id({
  value,
  label,
  isShort = false,
}: {
  value: string | null | undefined;
  label?: string;
  isShort?: boolean;
}) {
  if (!value) return <span className="soft">—</span>;
  const shown = isShort && value.length > 16 ? `${value.slice(0, 8)}…${value.slice(-4)}` : value;
  return (
    <span className="copyable">
      <span className="mono" title={value} data-verbatim>
        {shown}
      </span>
      <CopyButton text={value} {...(label ? { label } : {})} />
    </span>
  );
}

export type Tone = 'ok' | 'warn' | 'bad' | 'run' | 'mute';

export function Tag({ tone, children }: { tone: Tone; children: ReactNode }) {
  return <span className={`tag ${tone}`}>{children}</span>;
}

/** Names and values, one below the other on a phone. */
export function Facts({ rows }: { rows: [string, ReactNode][] }) {
  return (
    <dl className="facts">
      {rows.map(([name, value]) => (
        <div key={name} style={{ display: 'contents' }}>
          <dt>{name}</dt>
          <dd>{value ?? '—'}</dd>
        </div>
      ))}
    </dl>
  );
}

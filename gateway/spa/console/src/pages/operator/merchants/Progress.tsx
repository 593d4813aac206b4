/** The progress of a merchant's setup, and its current step. */
import { chinaTime, ZONE } from '@shared/time';
import type { Merchant } from '../../../api/shapes';
import { Tag } from '../../../parts/bits';
import { type T, useText } from '../../../texts';

type Step = NonNullable<Merchant['progress']['step']>;

function line(t: T, step: Step, title: string): string {
  if (step.state === 'failed') return t('cockpit.failed_at', { step: title });
  if (step.state === 'running') return t('cockpit.running_at', { step: title });
  return t('cockpit.next_is', { step: title });
}

/** As one text, for an export. */
export function progressText(t: T, language: string, { progress }: Merchant): string {
  const { step, percent } = progress;
  const far = t('cockpit.percent', { percent });
  if (!step) return far;
  return `${far} · ${line(t, step, language === 'en' ? step.title_en : step.title_zh)}`;
}

/** Shown in place of the setup: a merchant that is set up takes no payments while it is
 * suspended. */
export function Suspended({ at }: { at: string }) {
  const { t } = useText();
  return (
    <div className="far">
      <div>
        <Tag tone="bad">{t('cockpit.suspended')}</Tag>
      </div>
      <span className="soft small">{t('cockpit.since', { at: `${chinaTime(at)} ${ZONE}` })}</span>
    </div>
  );
}

export function Progress({
  progress,
  isFull = false,
}: {
  progress: Merchant['progress'];
  /** with the remedy, and since when */
  isFull?: boolean;
}) {
  const { t, either } = useText();
  const { step, percent, is_ready } = progress;
  if (is_ready && !step) return <Tag tone="ok">{t('cockpit.ready')}</Tag>;
  const text = step ? line(t, step, either(step.title_zh, step.title_en)) : '';
  return (
    <div className="far">
      <div className="row">
        <progress max={100} value={percent} aria-label={t('cockpit.progress')} />
        <span>{t('cockpit.percent', { percent })}</span>
      </div>
      {step?.state === 'failed' ? (
        <Tag tone="bad">
          <span className="cut" title={text}>
            {text}
          </span>
        </Tag>
      ) : step ? (
        <span className={isFull ? 'soft small' : 'soft small cut'} title={text}>
          {text}
        </span>
      ) : null}
      {isFull && step?.at ? (
        <span className="soft small">
          {t('cockpit.since', { at: `${chinaTime(step.at)} ${ZONE}` })}
        </span>
      ) : null}
      {isFull && step?.remedy_zh ? (
        <span className="small">{either(step.remedy_zh, step.remedy_en)}</span>
      ) : null}
    </div>
  );
}

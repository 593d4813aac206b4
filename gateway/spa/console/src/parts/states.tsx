/** Loading, nothing there, and what went wrong: calm, and with the next step. */
import { ApiProblem } from '@shared/problem';
import { Button, Result, Skeleton } from 'antd';
import { Component, type ReactNode, useEffect, useState } from 'react';
import mark from '../../../shared/mark.svg';
import { useText } from '../texts';
import { problemText } from './words';

const SLOW_AFTER_MS = 8000;

export function Loading({ rows = 6 }: { rows?: number }) {
  const { t } = useText();
  const [isSlow, setSlow] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setSlow(true), SLOW_AFTER_MS);
    return () => clearTimeout(timer);
  }, []);
  return (
    <div className="card" aria-busy="true" role="status" aria-label={t('loading')}>
      {isSlow ? <p className="soft">{t('error.slow')}</p> : null}
      <Skeleton active title paragraph={{ rows }} />
    </div>
  );
}

export function Calm({
  title,
  hint,
  action,
}: {
  title: string;
  hint?: string;
  action?: ReactNode;
}) {
  return (
    <div className="calm">
      <img src={mark} alt="" />
      <h2>{title}</h2>
      {hint ? <p>{hint}</p> : null}
      {action}
    </div>
  );
}

/** A failed load, in the problem's own words. */
export function Failure({ error, retry }: { error: unknown; retry?: () => void }) {
  const { t, language } = useText();
  const problem = error instanceof ApiProblem ? error : null;
  if (problem?.status === 404 && problem.code === 'not_found') {
    return <Calm title={t('error.missing')} hint={t('error.missing_hint')} />;
  }
  if (problem?.status === 403) {
    return <Calm title={t('error.forbidden')} hint={t('error.forbidden_hint')} />;
  }
  return (
    <div role="alert">
      <Result
        status="warning"
        title={t('error.title')}
        subTitle={
          <>
            {problem ? problemText(t, language, problem) : t('problem.other')}
            {problem?.body.request_id ? (
              <div className="mono">
                {t('error.request')} {problem.body.request_id}
              </div>
            ) : null}
          </>
        }
        extra={retry ? <Button onClick={retry}>{t('do.retry')}</Button> : null}
      />
    </div>
  );
}

function Crashed() {
  const { t } = useText();
  // A page that was not opened before cannot be loaded without a network: it comes once there is one.
  const [isCutOff] = useState(() => !navigator.onLine);
  useEffect(() => {
    if (!isCutOff) return undefined;
    const again = () => window.location.reload();
    window.addEventListener('online', again);
    return () => window.removeEventListener('online', again);
  }, [isCutOff]);
  return (
    <div role="alert">
      <Result
        status="error"
        title={t(isCutOff ? 'problem.unreachable' : 'error.crash')}
        subTitle={t('error.crash_hint')}
        extra={<Button onClick={() => window.location.reload()}>{t('do.refresh')}</Button>}
      />
    </div>
  );
}

/** Keeps a page's crash inside the page. */
export class Crash extends Component<{ children: ReactNode }, { error: Error | null }> {
  override state: { error: Error | null } = { error: null };

  static getDerivedStateFromError(error: Error) {
    return { error };
  }

  override render() {
    return this.state.error ? <Crashed /> : this.props.children;
  }
}

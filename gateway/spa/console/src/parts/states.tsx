/** Loading, empty, and failed states, each with the next step. */
import { ApiProblem } from '@shared/problem';
import { Button, Result, Skeleton, Spin } from 'antd';
import { Component, type ReactNode, useEffect, useRef, useState } from 'react';
import mark from '../../../shared/mark.svg';
import { useText } from '../texts';
import { letAgain, NotFetched } from './lazily';
import { useTabTitle } from './tabTitle';
import { problemText } from './words';

const SLOW_AFTER_MS = 8000;

/** The text beside a loading state: nothing at first, later that it takes long. */
export function Slow() {
  const { t } = useText();
  const [isSlow, setSlow] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setSlow(true), SLOW_AFTER_MS);
    return () => clearTimeout(timer);
  }, []);
  return isSlow ? <p className="soft">{t('error.slow')}</p> : null;
}

/** While it is not known yet which page follows. */
export function Starting() {
  return (
    <div className="spin">
      <Spin size="large" />
      <Slow />
    </div>
  );
}

export function Loading({ rows = 6 }: { rows?: number }) {
  const { t } = useText();
  return (
    <div className="card" aria-busy="true" role="status" aria-label={t('loading')}>
      <Slow />
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

/** A failed load, with the problem's text. A refused value comes from the address, so it cannot
 * be changed here, and a retry would not help. */
export function Failure({ error, retry }: { error: unknown; retry?: () => void }) {
  const { t, language } = useText();
  const problem = error instanceof ApiProblem ? error : null;
  if ((problem?.status === 404 && problem.code === 'not_found') || problem?.status === 422) {
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

const LOOK_EVERY_MS = 3000;

async function isAnswering(): Promise<boolean> {
  try {
    return (await fetch(new Request('/api/public/v1/about', { cache: 'no-store' }))).ok;
  } catch {
    return false;
  }
}

/** The page's code could not be fetched. It is fetched again by itself once the server answers. */
function Unfetched({ again }: { again: () => void }) {
  const { t } = useText();
  const [isAway, setAway] = useState(true);
  const retry = useRef(again);
  retry.current = again;
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>;
    let isGone = false;
    const look = async (isFirst: boolean) => {
      const isThere = await isAnswering();
      if (isGone) return;
      if (!isThere) timer = setTimeout(() => void look(false), LOOK_EVERY_MS);
      // The server answers and does not have this code: it runs another release.
      else if (isFirst) setAway(false);
      else retry.current();
    };
    void look(true);
    return () => {
      isGone = true;
      clearTimeout(timer);
    };
  }, []);
  const title = t(isAway ? 'problem.unreachable' : 'error.unfetched');
  useTabTitle(title);
  return (
    <div role="alert">
      <Result
        status="warning"
        title={title}
        subTitle={t(isAway ? 'error.comes' : 'error.unfetched_hint')}
        extra={
          isAway ? (
            <Button onClick={again}>{t('do.retry')}</Button>
          ) : (
            <Button onClick={() => window.location.reload()}>{t('do.refresh')}</Button>
          )
        }
      />
    </div>
  );
}

function Crashed() {
  const { t } = useText();
  useTabTitle(t('error.crash'));
  return (
    <div role="alert">
      <Result
        status="error"
        title={t('error.crash')}
        subTitle={t('error.crash_hint')}
        extra={<Button onClick={() => window.location.reload()}>{t('do.refresh')}</Button>}
      />
    </div>
  );
}

/** Keeps the crash of a page inside the page; code that could not be fetched gets another try. */
export class Crash extends Component<{ children: ReactNode }, { error: Error | null }> {
  override state: { error: Error | null } = { error: null };

  static getDerivedStateFromError(error: Error) {
    return { error };
  }

  private readonly again = () => {
    letAgain();
    this.setState({ error: null });
  };

  override componentWillUnmount() {
    letAgain();
  }

  override render() {
    if (this.state.error instanceof NotFetched) return <Unfetched again={this.again} />;
    return this.state.error ? <Crashed /> : this.props.children;
  }
}

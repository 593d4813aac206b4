/** The way of one payment, step by step as it happens, and what the person can do meanwhile. */
import {
  CheckOutlined,
  CloseOutlined,
  EllipsisOutlined,
  LoadingOutlined,
  MinusOutlined,
} from '@ant-design/icons';
import { useMutation } from '@tanstack/react-query';
import { Alert, Button } from 'antd';
import type { ReactNode } from 'react';
import { Link } from 'react-router';
import { Card, Id, Money, When } from '../../parts/bits';
import { useSandboxPage } from '../../parts/sandbox';
import { useSay } from '../../parts/say';
import { problemText, word } from '../../parts/words';
import { useText } from '../../texts';
import type { Runner } from './runner';
import { type Hop, type HopState, hopsOf, isTerminal, type Story } from './story';

const MARKS: Record<HopState, ReactNode> = {
  waiting: <EllipsisOutlined />,
  running: <LoadingOutlined />,
  done: <CheckOutlined />,
  failed: <CloseOutlined />,
  skipped: <MinusOutlined />,
};

function Row({ hop, children }: { hop: Hop; children?: ReactNode }) {
  const { t } = useText();
  return (
    <li className={hop.state}>
      <span className="hop-mark" aria-hidden="true">
        {MARKS[hop.state]}
      </span>
      <h3>
        {t(`cashier.hop_${hop.name}`)}{' '}
        <span className="unseen">{t(`cashier.state_${hop.state}`)}</span>
      </h3>
      <span className="hop-at">
        {hop.at === undefined ? '' : t('cashier.after', { seconds: (hop.at / 1000).toFixed(2) })}
      </span>
      <div className="hop-note">
        {t(hop.note)}
        {children}
      </div>
    </li>
  );
}

/** Why the payment was refused, in the words of the party that refused it. */
function useWhy() {
  const { t, language } = useText();
  return (story: Story): string => {
    const { refusal, payment } = story;
    if (payment?.reason) {
      return t('cashier.refused_by', { why: word(t, 'failure', payment.reason.code) });
    }
    if (!refusal) return '';
    if (refusal.status === 404 && story.isResumed) return t('cashier.never_recorded');
    if (refusal.code === 'auth.device_signature') return t('cashier.key_refused');
    const why = t('cashier.refused_by', { why: problemText(t, language, refusal) });
    return story.isOver && !payment ? `${why} ${t('cashier.nothing_begun')}` : why;
  };
}

function Rewards({ runner, story }: { runner: Runner; story: Story }) {
  const { t, either } = useText();
  const say = useSay();
  const draw = useMutation({ mutationFn: () => runner.draw(), onError: say.failed });
  const { reward } = story;
  if (reward?.status !== 'granted') return null;
  const { coupon } = reward;
  const prize = story.draw?.prize;
  return (
    <>
      {coupon ? (
        <div>{t('cashier.coupon', { title: either(coupon.title, coupon.title_en) })}</div>
      ) : null}
      {story.draw ? (
        <div>
          {prize
            ? t('cashier.prize', { prize: either(prize.name, prize.name_en) })
            : t('cashier.no_prize')}
        </div>
      ) : (reward.draws?.granted ?? 0) > 0 ? (
        <Button size="small" loading={draw.isPending} onClick={() => draw.mutate()}>
          {t('cashier.draw')}
        </Button>
      ) : null}
    </>
  );
}

/** The trade's number at Alipay, and Alipay's own notice of it. */
function Trade({ story }: { story: Story }) {
  const { t } = useText();
  const { detail } = story;
  const notice = detail?.notices[0];
  if (!detail?.trade_no) return null;
  return (
    <>
      <div>
        {t('cashier.trade_no')} <Id value={detail.trade_no} label={t('cashier.trade_no')} />
      </div>
      <div>
        {notice ? (
          <>
            {t(`cashier.notice_${notice.state}`)} <When at={notice.received_at} />
          </>
        ) : (
          t('cashier.notice_none')
        )}
      </div>
    </>
  );
}

function Acts({ runner, story }: { runner: Runner; story: Story }) {
  const { t } = useText();
  const sandbox = useSandboxPage();
  const isPending = story.payment !== null && !isTerminal(story.payment);
  return (
    <div className="row">
      {isPending ? (
        <Button loading={story.isCancelling} onClick={() => void runner.cancel()}>
          {t(story.isCancelling ? 'cashier.cancelling' : 'cashier.cancel')}
        </Button>
      ) : null}
      {story.isGivenUp ? (
        <Button type="primary" onClick={() => void runner.resume()}>
          {t('cashier.ask_again')}
        </Button>
      ) : null}
      {story.orderNo ? (
        <Link to={`/orders/${story.orderNo}`}>
          {t('cashier.open_order', { no: story.orderNo })}
        </Link>
      ) : null}
      {sandbox && story.payment ? (
        <a href={sandbox} target="_blank" rel="noreferrer">
          {t('cashier.open_sandbox')}
        </a>
      ) : null}
    </div>
  );
}

function Shown({ runner, story }: { runner: Runner; story: Story }) {
  const { t } = useText();
  const why = useWhy()(story);
  const hops = hopsOf(story);
  const last = hops.filter((one) => one.state !== 'waiting' && one.state !== 'skipped').pop();
  return (
    <div className="stack">
      <p className="figure">
        <Money fen={story.amountFen} />
      </p>
      {/* Announced to screen readers when it changes; the list would be read from its beginning
       * each time. */}
      <output className="unseen">
        {last ? `${t(`cashier.hop_${last.name}`)}: ${t(last.note)}` : ''}
      </output>
      {why ? <Alert type="error" showIcon title={why} /> : null}
      {story.isGivenUp && !story.refusal ? (
        <Alert type="warning" showIcon title={t('cashier.given_up')} />
      ) : null}
      <ol className="hops">
        {hops.map((hop) => (
          <Row key={hop.name} hop={hop}>
            {hop.name === 'answered' ? <Trade story={story} /> : null}
            {hop.name === 'rewards' ? <Rewards runner={runner} story={story} /> : null}
          </Row>
        ))}
      </ol>
      <Acts runner={runner} story={story} />
      <p className="soft small">{t('cashier.times')}</p>
    </div>
  );
}

export function Hops({ runner, story }: { runner: Runner; story: Story | null }) {
  const { t } = useText();
  return (
    <Card title={t('cashier.way_through')}>
      {story ? (
        <Shown runner={runner} story={story} />
      ) : (
        <p className="soft">{t('cashier.way_empty')}</p>
      )}
    </Card>
  );
}

/** S11–S17 as four cards in order, which are checked automatically; each step returns the map of
 * all rows. */
import { DownOutlined, UpOutlined } from '@ant-design/icons';
import { Alert, Button, Progress } from 'antd';
import { useNavigate, useSearchParams } from 'react-router';
import type { OnboardingMap, OnboardingRow } from '../../api/shapes';
import { Card, PageHead, Tag } from '../../parts/bits';
import { useAbout } from '../../parts/sandbox';
import { Failure, Loading } from '../../parts/states';
import { useText } from '../../texts';
import { type CardRows, cardsOf, countOf, currentOf, toneOf, troubleBeside } from './map';
import { Row } from './Row';
import { useMap } from './useMap';
import { useWay } from './way';

type Steps = ReturnType<typeof useMap>;

function Progressing({ map, onNext }: { map: OnboardingMap; onNext: (() => void) | null }) {
  const { t, either } = useText();
  const navigate = useNavigate();
  const { row: current, meanwhile } = currentOf(map);
  const title = current ? either(current.title_zh, current.title_en) : '';
  const coming = current
    ? t(current.state === 'running' ? 'wizard.waits' : 'wizard.next', { title })
    : '';
  // A merchant who takes payments already has nothing left to wait for: no ring, no percentage.
  const sells = map.takes_payments && !map.is_ready;
  return (
    <div className="ring">
      {sells ? null : (
        <Progress
          type="circle"
          size={84}
          percent={map.percent}
          format={(percent) => `${percent}%`}
          aria-label={t('wizard.progress')}
        />
      )}
      <div className="stack">
        {map.is_ready ? <strong>{t('wizard.ready')}</strong> : null}
        {sells ? <strong>{t('wizard.sells')}</strong> : null}
        {map.is_ready && !current ? null : map.is_ready || sells ? (
          <span>{coming}</span>
        ) : (
          <strong>{coming}</strong>
        )}
        {meanwhile ? (
          <span>
            {t('wizard.meanwhile', { title: either(meanwhile.title_zh, meanwhile.title_en) })}
          </span>
        ) : null}
        <div className="row">
          {current && onNext ? (
            <Button type="primary" onClick={onNext}>
              {t('wizard.go_next')}
            </Button>
          ) : null}
          {map.is_ready ? (
            <Button onClick={() => navigate('/orders')}>{t('wizard.ready_orders')}</Button>
          ) : null}
        </div>
      </div>
    </div>
  );
}

/** A failure in another card, with its reason; the open card stays open. */
function Trouble({ rows, onGo }: { rows: OnboardingRow[]; onGo: (row: OnboardingRow) => void }) {
  const { t, either } = useText();
  const way = useWay();
  return rows.map((row) => (
    <Alert
      key={row.row}
      style={{ marginBottom: 16 }}
      type="warning"
      showIcon
      title={t('wizard.trouble', { title: either(row.title_zh, row.title_en) })}
      description={
        <>
          {row.reason ? <div>{t('wizard.alipay_reason', { reason: row.reason })}</div> : null}
          <div>{way.remedy(row)}</div>
        </>
      }
      action={<Button onClick={() => onGo(row)}>{t('wizard.go_there')}</Button>}
    />
  ));
}

function Rows({
  card,
  map,
  steps,
  onGo,
}: {
  card: CardRows;
  map: OnboardingMap;
  steps: Steps;
  onGo: (row: string) => void;
}) {
  const { t } = useText();
  const uploaded = card.rows.find((row) => row.code === 'package_uploaded');
  const one = (row: OnboardingRow) => (
    <Row
      key={`${row.row}${row.state}${row.row === map.next_row}`}
      row={row}
      appId={map.app_id}
      isNext={row.row === map.next_row}
      isBusy={steps.act.isPending && steps.act.variables?.row === row.row}
      onAct={(action) => steps.act.mutate(action)}
      onSend={(action) => steps.act.mutateAsync(action)}
      onKeep={steps.keep}
      onGo={onGo}
    />
  );
  const own = card.rows.filter((row) => row.optional);
  const isUploadOpen =
    own.length > 0 && (uploaded?.state === 'todo' || uploaded?.state === 'failed');
  return (
    <>
      <ol className="steps-rows">{card.rows.filter((row) => !row.optional).map(one)}</ol>
      {isUploadOpen ? (
        <details style={{ marginTop: 12 }}>
          <summary>{t('wizard.by_tool')}</summary>
          <ol className="steps-rows">{own.map(one)}</ol>
        </details>
      ) : null}
    </>
  );
}

function StepCard({
  no,
  card,
  isOpen,
  onToggle,
  children,
}: {
  no: number;
  card: CardRows;
  isOpen: boolean;
  onToggle: () => void;
  children: React.ReactNode;
}) {
  const { t, either } = useText();
  const title = either(card.title_zh, card.title_en);
  const tone = toneOf(card);
  return (
    <section className="card step-card" aria-label={title} data-card={card.code}>
      <h2>
        <button type="button" aria-expanded={isOpen} onClick={onToggle}>
          <span className="num">{no}</span>
          <span className="name">{title}</span>
          <Tag tone={tone}>
            {tone === 'bad' ? t('wizard.failed_of') : t('wizard.done_of', countOf(card))}
          </Tag>
          {isOpen ? <UpOutlined aria-hidden /> : <DownOutlined aria-hidden />}
        </button>
      </h2>
      {isOpen ? children : null}
    </section>
  );
}

const NONE = 'none';

export default function Onboarding() {
  const { t } = useText();
  const steps = useMap();
  // Not before it is known whether this is the sandbox, because the real Alipay's ways and links are
  // wrong there. `isFetched`: after a failure every row that is drawn asks again.
  const isPending = !useAbout().isFetched || steps.map.isPending;
  const [params, setParams] = useSearchParams();
  const data = steps.map.data;
  const cards = data ? cardsOf(data) : [];
  const current = data ? currentOf(data).row : undefined;
  // The rows of `cards` are the map's own objects.
  const cardOfNext = cards.find((card) => current && card.rows.includes(current));
  const chosen = params.get('card');
  const open = chosen ?? cardOfNext?.code ?? NONE;
  // The address names a card only if it is not the current one.
  const show = (code: string) => setParams(code === cardOfNext?.code ? {} : { card: code });
  const goTo = (no: string) => {
    const card = cards.find((one) => one.rows.some((row) => row.row === no));
    if (card) show(card.code);
  };
  return (
    <>
      <PageHead title={t('wizard.title')} lead={t('wizard.lead')} />
      {isPending ? (
        <Loading rows={10} />
      ) : steps.map.isLoadingError || !data ? (
        <Card>
          <Failure error={steps.map.error} retry={() => void steps.map.refetch()} />
        </Card>
      ) : (
        <>
          <section className="card" aria-label={t('wizard.map')}>
            <Progressing
              map={data}
              onNext={cardOfNext && open !== cardOfNext.code ? () => setParams({}) : null}
            />
          </section>
          <Trouble rows={troubleBeside(cards, open)} onGo={(row) => goTo(row.row)} />
          {cards.map((card, index) => (
            <StepCard
              key={card.code}
              no={index + 1}
              card={card}
              isOpen={card.code === open}
              onToggle={() => (card.code === open ? setParams({ card: NONE }) : show(card.code))}
            >
              <Rows card={card} map={data} steps={steps} onGo={goTo} />
            </StepCard>
          ))}
        </>
      )}
    </>
  );
}

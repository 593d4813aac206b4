/** S11–S17 as one checklist that checks itself; the map of all steps comes back after each one. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Alert, Button, Progress } from 'antd';
import { useEffect, useRef } from 'react';
import { useSearchParams } from 'react-router';
import { get, post } from '../../api/client';
import type { OnboardingMap, OnboardingRow } from '../../api/shapes';
import { Card, PageHead } from '../../parts/bits';
import { useSay } from '../../parts/say';
import { Failure, Loading } from '../../parts/states';
import { useText } from '../../texts';
import { Row, type RowAction } from './Row';
import { isOver, StepMap, useStepName } from './StepMap';

const LOOK_AGAIN_MS = 2000;

function useMap() {
  const queries = useQueryClient();
  const say = useSay();
  const key = ['onboarding', ''];
  const map = useQuery({
    queryKey: key,
    queryFn: () => get('/api/merchant/v1/onboarding'),
    // Something is under way: the platform's answer, or a device's first heartbeat.
    refetchInterval: (query) =>
      query.state.data?.steps.some((step) => step.rows.some((row) => row.state === 'running'))
        ? LOOK_AGAIN_MS
        : false,
  });
  const act = useMutation({
    mutationFn: ({ row, act: verb, ...body }: RowAction) =>
      post(
        `/api/merchant/v1/onboarding/rows/{row}/${verb}`,
        { ...body, ...(map.data?.app_id ? { app_id: map.data.app_id } : {}) },
        { path: { row } },
      ),
    onSuccess: (fresh) => queries.setQueryData(key, fresh),
    onError: say.failed,
  });
  return { map, act };
}

/** What the merchant does next, or, when all that is left hangs on Alipay, what is waited for. */
function currentRow(map: OnboardingMap): OnboardingRow | undefined {
  const rows = map.steps.flatMap((step) => step.rows);
  return (
    rows.find((row) => row.row === map.next_row) ?? rows.find((row) => row.state === 'running')
  );
}

function Progressing({ map, onNext }: { map: OnboardingMap; onNext: () => void }) {
  const { t, either } = useText();
  const current = currentRow(map);
  const text = current
    ? { row: current.row, title: either(current.title_zh, current.title_en) }
    : null;
  return (
    <div className="ring">
      <Progress
        type="circle"
        size={84}
        percent={Math.round(map.percent)}
        aria-label={t('wizard.progress')}
      />
      <div className="stack">
        <strong>
          {map.is_ready
            ? t('wizard.ready')
            : text
              ? t(current?.state === 'running' ? 'wizard.waits' : 'wizard.next', text)
              : ''}
        </strong>
        {current && !map.is_ready ? (
          <div>
            <Button type="primary" onClick={onNext}>
              {t('wizard.go_next')}
            </Button>
          </div>
        ) : null}
      </div>
    </div>
  );
}

export default function Onboarding() {
  const { t } = useText();
  const stepName = useStepName();
  const { map, act } = useMap();
  const [params, setParams] = useSearchParams();
  const heading = useRef<HTMLElement>(null);
  const data = map.data;
  const current = data ? currentRow(data) : undefined;
  const stepOfNext = data?.steps.find((step) => current && step.rows.includes(current));
  const asked = params.get('step');
  const wanted = asked === null ? undefined : Number(asked);
  const shown = data?.steps.find((step) => step.step === wanted) ?? stepOfNext ?? data?.steps[0];
  const finished = shown ? isOver(shown) : false;
  const go = (step: number) => setParams({ step: String(step) });
  // A finished step shows the map first: that is where the person sees how far they have come.
  const wasFinished = useRef(finished);
  useEffect(() => {
    if (finished && !wasFinished.current) heading.current?.scrollIntoView({ block: 'start' });
    wasFinished.current = finished;
  }, [finished]);

  return (
    <>
      <PageHead title={t('wizard.title')} lead={t('wizard.lead')} />
      {map.isPending ? (
        <Loading rows={10} />
      ) : map.isError || !data || !shown ? (
        <Card>
          <Failure error={map.error} retry={() => void map.refetch()} />
        </Card>
      ) : (
        <>
          <section ref={heading} className="card" aria-label={t('wizard.map')}>
            <div className="stack">
              <Progressing map={data} onNext={() => stepOfNext && go(stepOfNext.step)} />
              <StepMap map={data} shown={shown.step} onChoose={go} />
            </div>
          </section>
          {finished ? (
            <Alert
              style={{ marginBottom: 16 }}
              type="success"
              showIcon
              title={
                shown.step === 0
                  ? t('wizard.finished_0')
                  : t('wizard.finished', { step: shown.step })
              }
              action={
                stepOfNext && stepOfNext.step !== shown.step ? (
                  <Button type="primary" onClick={() => go(stepOfNext.step)}>
                    {t('wizard.go_next')}
                  </Button>
                ) : null
              }
            />
          ) : null}
          <Card
            title={
              shown.step === 0
                ? `${t('wizard.prerequisite')} · ${stepName(shown)}`
                : `${t('wizard.step', { step: shown.step })} · ${stepName(shown)}`
            }
          >
            <ol className="steps-rows">
              {shown.rows.map((row) => (
                <Row
                  key={`${row.row}${row.state}${row.row === data.next_row}`}
                  row={row}
                  isNext={row.row === data.next_row}
                  isBusy={act.isPending && act.variables?.row === row.row}
                  onAct={(action) => act.mutate(action)}
                />
              ))}
            </ol>
          </Card>
        </>
      )}
    </>
  );
}

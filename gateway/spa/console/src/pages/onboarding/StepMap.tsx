/** S16: where each step stands; a click shows it. */
import type { OnboardingMap } from '../../api/shapes';
import { Tag, type Tone } from '../../parts/bits';
import { isText, useText } from '../../texts';

type Step = OnboardingMap['steps'][number];
const OVER = new Set(['done', 'skipped']);

export function isOver(step: Step): boolean {
  return step.rows.every((row) => OVER.has(row.state));
}

export function useStepName(): (step: Step) => string {
  const { t, either } = useText();
  return (step) => {
    const short = `step.${step.step}`;
    return isText(short) ? t(short) : either(step.title_zh, step.title_en);
  };
}

function toneOf(step: Step): Tone {
  if (isOver(step)) return 'ok';
  if (step.rows.some((row) => row.state === 'failed')) return 'bad';
  if (step.rows.some((row) => row.state === 'running')) return 'run';
  return step.rows.some((row) => OVER.has(row.state)) ? 'warn' : 'mute';
}

interface Props {
  map: OnboardingMap;
  shown: number;
  onChoose: (step: number) => void;
}

export function StepMap({ map, shown, onChoose }: Props) {
  const { t } = useText();
  const stepName = useStepName();
  return (
    <ol className="map">
      {map.steps.map((step) => (
        <li key={step.step}>
          <button
            type="button"
            {...(step.step === shown ? { 'aria-current': 'step' as const } : {})}
            onClick={() => onChoose(step.step)}
          >
            <span className="num">
              {step.step === 0 ? t('wizard.prerequisite') : t('wizard.step', { step: step.step })}
            </span>
            <b>{stepName(step)}</b>
            <span>
              <Tag tone={toneOf(step)}>
                {t('wizard.done_of', {
                  done: step.rows.filter((row) => OVER.has(row.state)).length,
                  total: step.rows.length,
                })}
              </Tag>
            </span>
          </button>
        </li>
      ))}
    </ol>
  );
}

/** One request or grant: person, permissions, reason, duration and state. */
import type { ActingGrant } from '../../api/shapes';
import { Facts, Tag, type Tone, When } from '../../parts/bits';
import { useDuration } from '../../parts/grants';
import { word } from '../../parts/words';
import { useText } from '../../texts';

const TONES: Record<ActingGrant['state'], Tone> = {
  asked: 'warn',
  given: 'run',
  refused: 'mute',
  ended: 'mute',
};

export function GrantState({ grant }: { grant: ActingGrant }) {
  const { t } = useText();
  const why = grant.end_cause ? ` · ${word(t, 'grant_end', grant.end_cause)}` : '';
  return (
    <Tag tone={TONES[grant.state]}>
      {word(t, 'grant_state', grant.state)}
      {why}
    </Tag>
  );
}

export function GrantFacts({ grant }: { grant: ActingGrant }) {
  const { t } = useText();
  const duration = useDuration();
  const by = grant.decided_for
    ? t(grant.decided_for === 'merchant' ? 'grant.for_merchant' : 'grant.for_operator', {
        name: grant.decided_name,
      })
    : null;
  return (
    <Facts
      rows={[
        [t('grant.what'), word(t, 'grant_set', grant.permission_set)],
        [t('acting.reason'), grant.reason],
        [t('grant.minutes'), duration(grant.minutes)],
        [t('grant.asked_at'), <When key="asked" at={grant.asked_at} />],
        ...(by ? [[t('grant.decided'), by] as [string, string]] : []),
        ...(grant.until
          ? [[t('grant.until'), <When key="until" at={grant.until} />] as [string, React.ReactNode]]
          : []),
      ]}
    />
  );
}

/** Key changes that wait for a second approver, if the merchant requires one. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Button } from 'antd';
import { get, post } from '../../api/client';
import type { PendingChange } from '../../api/shapes';
import { Card, Id, When } from '../../parts/bits';
import { useSay } from '../../parts/say';
import { useSession } from '../../session/session';
import { useText } from '../../texts';
import { ChangeSummary } from './ChangeSummary';

function useDecide() {
  const { t } = useText();
  const say = useSay();
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ change_id, verdict }: { change_id: string; verdict: 'approve' | 'reject' }) =>
      post(`/api/merchant/v1/apps/changes/{change_id}/${verdict}`, {}, { path: { change_id } }),
    onSuccess: async (_, { verdict }) => {
      say.done(t(`bind.${verdict}_done`));
      await queries.invalidateQueries({ queryKey: ['apps'] });
    },
    onError: say.failed,
  });
}

function Waiting({
  change,
  asker,
  decide,
}: {
  change: PendingChange;
  asker: string;
  decide: ReturnType<typeof useDecide>;
}) {
  const { t } = useText();
  const { session, can } = useSession();
  const isOwn = change.asked_by === session.user.user_id;
  return (
    <li>
      <div className="row">
        {change.kind === 'app' ? (
          <Id value={change.app_id} label={t('bind.app_id')} />
        ) : (
          <span>{t('bind.change_merchant')}</span>
        )}
        {isOwn ? (
          <span className="soft">{t('bind.asked_by_me')}</span>
        ) : (
          <>
            <span className="soft">{t('bind.asked_by')}</span>
            <span>{asker}</span>
          </>
        )}
        <When at={change.asked_at} />
        <Button
          type="primary"
          size="small"
          loading={decide.isPending}
          disabled={isOwn || !can('apps.approve')}
          onClick={() => decide.mutate({ change_id: change.change_id, verdict: 'approve' })}
        >
          {t('bind.approve')}
        </Button>
        <Button
          size="small"
          disabled={!can('apps.write')}
          onClick={() => decide.mutate({ change_id: change.change_id, verdict: 'reject' })}
        >
          {t('bind.reject')}
        </Button>
      </div>
      <ChangeSummary change={change} />
    </li>
  );
}

export function Approvals() {
  const { t } = useText();
  const { can } = useSession();
  const decide = useDecide();
  const changes = useQuery({
    queryKey: ['apps', 'changes'],
    queryFn: () => get('/api/merchant/v1/apps/changes'),
  });
  // A person who may not see the staff sees no name here either.
  const people = useQuery({
    queryKey: ['staff', 'merchant', 'all'],
    queryFn: () => get('/api/merchant/v1/staff', { query: { page_size: 100 } }),
    enabled: can('staff.read') && (changes.data?.items.length ?? 0) > 0,
  });
  const nameOf = (userId: string) =>
    people.data?.items.find((one) => one.user_id === userId)?.name ?? t('bind.a_colleague');
  const waiting = (changes.data?.items ?? []).filter((one) => one.state === 'waiting');
  if (waiting.length === 0) return null;
  return (
    <Card title={t('bind.approvals')}>
      <ul className="rowcards">
        {waiting.map((one) => (
          <Waiting key={one.change_id} change={one} asker={nameOf(one.asked_by)} decide={decide} />
        ))}
      </ul>
    </Card>
  );
}

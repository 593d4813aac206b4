/** Key changes that wait for a second pair of eyes, where the merchant asked for them. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Button } from 'antd';
import { get, post } from '../../api/client';
import { Card, Id, When } from '../../parts/bits';
import { useSay } from '../../parts/say';
import { useSession } from '../../session/session';
import { useText } from '../../texts';
import { ChangeSummary } from './ChangeSummary';

export function Approvals() {
  const { t } = useText();
  const say = useSay();
  const queries = useQueryClient();
  const { session, can } = useSession();
  const changes = useQuery({
    queryKey: ['apps', 'changes'],
    queryFn: () => get('/api/merchant/v1/apps/changes'),
  });
  const decide = useMutation({
    mutationFn: ({ change_id, verdict }: { change_id: string; verdict: 'approve' | 'reject' }) =>
      post(`/api/merchant/v1/apps/changes/{change_id}/${verdict}`, {}, { path: { change_id } }),
    onSuccess: async (_, { verdict }) => {
      say.done(t(`bind.${verdict}_done`));
      await queries.invalidateQueries({ queryKey: ['apps'] });
    },
    onError: say.failed,
  });
  // Whoever may not see the staff learns no name here either.
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
          <li key={one.change_id}>
            <div className="row">
              {one.kind === 'app' ? (
                <Id value={one.app_id} label={t('bind.app_id')} />
              ) : (
                <span>{t('bind.change_merchant')}</span>
              )}
              {one.asked_by === session.user.user_id ? (
                <span className="soft">{t('bind.asked_by_me')}</span>
              ) : (
                <>
                  <span className="soft">{t('bind.asked_by')}</span>
                  <span>{nameOf(one.asked_by)}</span>
                </>
              )}
              <When at={one.asked_at} />
              <Button
                type="primary"
                size="small"
                loading={decide.isPending}
                disabled={one.asked_by === session.user.user_id || !can('apps.approve')}
                onClick={() => decide.mutate({ change_id: one.change_id, verdict: 'approve' })}
              >
                {t('bind.approve')}
              </Button>
              <Button
                size="small"
                disabled={!can('apps.write')}
                onClick={() => decide.mutate({ change_id: one.change_id, verdict: 'reject' })}
              >
                {t('bind.reject')}
              </Button>
            </div>
            <ChangeSummary change={one} />
          </li>
        ))}
      </ul>
    </Card>
  );
}

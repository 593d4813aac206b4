/** Shared by the pages about acting grants: the list at either console, the decisions, and
 * texts. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { get, post } from '../api/client';
import type { ActingGrant, OperatorGrant } from '../api/shapes';
import { useText } from '../texts';
import { useSay } from './say';

type Act = 'give' | 'refuse' | 'withdraw';

/** Somebody else decides, in another window: loaded again while it is open. */
const LOOK_AGAIN_MS = 10_000;

export const isOpen = ({ state }: ActingGrant): boolean => state === 'asked' || state === 'given';

/** The requests and grants of operators at this merchant. */
export function useMerchantGrants(enabled: boolean) {
  return useQuery({
    queryKey: ['grants', 'merchant'],
    queryFn: () => get('/api/merchant/v1/acting/grants'),
    enabled,
    refetchInterval: LOOK_AGAIN_MS,
  });
}

/** The requests and grants of operators, at one merchant or at all. */
export function useOperatorGrants(merchantId: string | undefined, enabled: boolean) {
  return useQuery({
    queryKey: ['grants', 'operator', merchantId ?? ''],
    queryFn: () => get('/api/operator/v1/acting/grants', { query: { merchant_id: merchantId } }),
    enabled,
    refetchInterval: LOOK_AGAIN_MS,
  });
}

function useAct<Row extends ActingGrant>(
  call: (row: Row, act: Act) => Promise<unknown>,
  done?: () => void,
) {
  const { t } = useText();
  const say = useSay();
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ row, act }: { row: Row; act: Act }) => call(row, act),
    onSuccess: (_, { act }) => {
      say.done(t(`grant.${act}_done`));
      done?.();
    },
    onError: say.failed,
    // Also after a refusal: somebody else may have decided meanwhile.
    onSettled: () =>
      Promise.all(
        ['grants', 'merchant', 'who'].map((key) => queries.invalidateQueries({ queryKey: [key] })),
      ),
  });
}

export function useMerchantAct() {
  return useAct<ActingGrant>(({ grant_id }, act) =>
    post(`/api/merchant/v1/acting/grants/{grant_id}/${act}`, {}, { path: { grant_id } }),
  );
}

export function useOperatorAct() {
  return useAct<OperatorGrant>(({ merchant_id, grant_id }, act) =>
    post(
      `/api/operator/v1/acting/grants/{merchant_id}/{grant_id}/${act}`,
      {},
      { path: { merchant_id, grant_id } },
    ),
  );
}

/** Minutes in words, whole hours as hours. */
export function useDuration(): (minutes: number) => string {
  const { t } = useText();
  return (minutes) =>
    minutes % 60 === 0
      ? t('grant.hours_short', { count: minutes / 60 })
      : t('grant.minutes_short', { count: minutes });
}

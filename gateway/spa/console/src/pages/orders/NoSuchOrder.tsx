/** The address names an order that does not exist, or that this person may not see; with a way
 * back. */
import { ApiProblem } from '@shared/problem';
import { Button } from 'antd';
import { Calm } from '../../parts/states';
import { useText } from '../../texts';

export function isNoSuchOrder(error: unknown): boolean {
  return error instanceof ApiProblem && (error.status === 404 || error.status === 422);
}

export function NoSuchOrder({ onBack }: { onBack: () => void }) {
  const { t } = useText();
  return (
    <div role="alert">
      <Calm
        title={t('orders.unknown')}
        hint={t('orders.unknown_hint')}
        action={
          <Button type="primary" onClick={onBack}>
            {t('orders.unknown_back')}
          </Button>
        }
      />
    </div>
  );
}

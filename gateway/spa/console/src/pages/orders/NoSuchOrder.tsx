/** The address names an order that is not there, or is not for this person: and the way out. */
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

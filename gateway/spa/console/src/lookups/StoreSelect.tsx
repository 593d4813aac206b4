/** A form field to choose one of the merchant's stores. */
import { Button, Select, type SelectProps } from 'antd';
import { useText } from '../texts';
import { useStores } from './stores';

export function StoreSelect({ options = [], ...rest }: SelectProps) {
  const { t } = useText();
  const { stores, isPending, error, again } = useStores();
  return (
    <Select
      showSearch={{ optionFilterProp: 'label' }}
      loading={isPending}
      options={[...options, ...stores.map((one) => ({ value: one.store_id, label: one.name }))]}
      // An empty list would mean that there is no store.
      {...(error
        ? {
            status: 'error' as const,
            notFoundContent: (
              <Button type="link" onClick={again}>
                {t('do.retry')}
              </Button>
            ),
          }
        : {})}
      {...rest}
    />
  );
}

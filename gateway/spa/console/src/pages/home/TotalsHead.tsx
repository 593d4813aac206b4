/** The head of a table that counts payments and sums what was kept, by day or by store. */
import { useText } from '../../texts';

export function TotalsHead({ by }: { by: string }) {
  const { t } = useText();
  return (
    <thead>
      <tr>
        <th scope="col">{by}</th>
        <th scope="col" className="num">
          {t('home.payments')}
        </th>
        <th scope="col" className="num">
          {t('orders.kept')}
        </th>
      </tr>
    </thead>
  );
}

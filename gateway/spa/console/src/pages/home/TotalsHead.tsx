/** The head of a table with numbers of payments and net amounts, by day or by store. */
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

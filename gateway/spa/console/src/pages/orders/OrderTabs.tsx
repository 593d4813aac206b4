/** Orders and refunds are two lists of the same sales: real links, above either. */
import { NavLink } from 'react-router';
import { useSession } from '../../session/session';
import { useText } from '../../texts';

export const REFUNDS_PAGE = '/orders/refunds';

export function OrderTabs() {
  const { t } = useText();
  const { can } = useSession();
  if (!can('payments.read')) return null;
  return (
    <nav className="subtabs" aria-label={t('refunds.tabs')}>
      <NavLink to="/orders" end>
        {t('refunds.tab_orders')}
      </NavLink>
      <NavLink to={REFUNDS_PAGE}>{t('refunds.tab_refunds')}</NavLink>
    </nav>
  );
}

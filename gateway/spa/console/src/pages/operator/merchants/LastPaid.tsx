/** The time of a merchant's last payment. */
import { chinaTime, ZONE } from '@shared/time';
import type { MerchantFigures } from '../../../api/shapes';
import { useText } from '../../../texts';

export function LastPaid({ figures }: { figures: MerchantFigures | undefined }) {
  const { t } = useText();
  if (!figures) return <span className="soft">{t('cockpit.unknown')}</span>;
  if (!figures.last_paid_at) return <span className="soft">{t('cockpit.never')}</span>;
  return (
    <time dateTime={figures.last_paid_at} className="nowrap" title={ZONE}>
      {chinaTime(figures.last_paid_at)}
    </time>
  );
}

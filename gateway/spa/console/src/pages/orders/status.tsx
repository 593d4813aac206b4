/** The one status of an order that is shown, derived from its two states. */
import type { OrderRow } from '../../api/shapes';
import { Tag, type Tone } from '../../parts/bits';
import { useText } from '../../texts';

type Stands = Pick<OrderRow, 'order_state' | 'pay_state' | 'is_late' | 'needs_check'>;

const TONES = {
  paid: 'ok',
  unpaid: 'mute',
  partially_refunded: 'warn',
  refunded: 'warn',
  reversed: 'mute',
  late: 'bad',
  unclear: 'bad',
} as const satisfies Record<string, Tone>;

type Status = keyof typeof TONES;

export function statusOf(order: Stands): Status {
  if (order.is_late) return 'late';
  if (order.needs_check) return 'unclear';
  if (order.order_state === 'cancelled' && order.pay_state === 'refunded') return 'reversed';
  return order.pay_state in TONES ? (order.pay_state as Status) : 'unclear';
}

export function StatusTag({ order }: { order: Stands }) {
  const { t } = useText();
  const status = statusOf(order);
  return <Tag tone={TONES[status]}>{t(`status.${status}`)}</Tag>;
}

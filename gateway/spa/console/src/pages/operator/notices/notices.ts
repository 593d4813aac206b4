/** What pages about notices share. */
import type { NoticeRow } from '../../../api/shapes';
import type { Tone } from '../../../parts/bits';

export type Named = NoticeRow & { merchant_name: string };

/** Most sales are booked before their notice comes: that is as it should be. */
export const TONES: Record<string, Tone> = {
  RECEIVED: 'run',
  APPLIED: 'ok',
  DUPLICATE: 'ok',
  MISMATCH: 'bad',
};

/** What is done stays done: looking again at it would change nothing. */
export const canLookAgain = ({ verdict }: NoticeRow): boolean =>
  verdict === 'MISMATCH' || verdict === 'RECEIVED';

/** Shared by the pages about notices. */
import type { NoticeRow } from '../../../api/shapes';
import type { Tone } from '../../../parts/bits';

export type Named = NoticeRow & { merchant_name: string };

/** Most sales are booked before their notice arrives, so this is the normal case. */
export const TONES: Record<string, Tone> = {
  RECEIVED: 'run',
  APPLIED: 'ok',
  DUPLICATE: 'ok',
  MISMATCH: 'bad',
};

/** A settled notice stays settled: processing it again would change nothing. */
export const canLookAgain = ({ verdict }: NoticeRow): boolean =>
  verdict === 'MISMATCH' || verdict === 'RECEIVED';

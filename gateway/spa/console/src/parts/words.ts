/** Words for the values the services use; a value nobody has a word for is shown as it is. */
import { isText, type T } from '../texts';
import type { Tone } from './bits';

export function word(t: T, group: string, value: string | null | undefined): string {
  if (!value) return '—';
  const key = `${group}.${value}`;
  return isText(key) ? t(key) : value;
}

const TONES: Record<string, Tone> = {
  completed: 'ok',
  paid: 'ok',
  active: 'ok',
  done: 'ok',
  applied: 'ok',
  cancelled: 'mute',
  unpaid: 'mute',
  revoked: 'mute',
  skipped: 'mute',
  todo: 'mute',
  duplicate: 'mute',
  refunded: 'warn',
  partially_refunded: 'warn',
  blocked: 'warn',
  received: 'run',
  running: 'run',
  failed: 'bad',
  mismatch: 'bad',
};

export function tone(value: string): Tone {
  return TONES[value] ?? 'mute';
}

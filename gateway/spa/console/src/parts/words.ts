/** Texts for the codes of the services. No code is ever shown to a person: an unknown one gets
 * the general text of its group. */
import type { ApiProblem, Fault, Language } from '@shared/problem';
import { inLanguage } from '@shared/problem';
import { isText, type T, type TextKey } from '../texts';
import type { Tone } from './bits';

/** Groups with a general text (`<group>.other`): permission, role, audit_action, audit_subject,
 * actor, failure, problem, fault. */
export function word(t: T, group: string, code: string | null | undefined): string {
  if (!code) return '—';
  for (const key of [`${group}.${code}`, `${group}.other`]) if (isText(key)) return t(key);
  return t('word.other');
}

/** What went wrong, and what to do. */
export function problemText(t: T, language: Language, problem: ApiProblem): string {
  const key = `problem.${problem.code}`;
  if (isText(key)) return t(key);
  return HAN.test(problem.body.title) ? problem.titleIn(language) : t('problem.other');
}

const HAN = /[\u4e00-\u9fff]/;
const BOUNDS: Record<string, 'min' | 'max'> = {
  string_too_short: 'min',
  string_too_long: 'max',
  greater_than_equal: 'min',
  less_than_equal: 'max',
};

/** The last name in a fault's pointer: its field. */
export function fieldOf(fault: Fault): string {
  return fault.pointer.split('/').at(-1) ?? '';
}

/** What is wrong with one field. */
export function faultText(t: T, language: Language, fault: Fault): string {
  const { code = 'other', message } = fault;
  // Messages of our own rules are in both languages; those of the JSON parser are for programmers.
  const text = message.replace(/^Value error, /, '');
  if (HAN.test(text)) return inLanguage(text, language);
  const bound = BOUNDS[code];
  const limit = bound ? /\d+/.exec(message)?.[0] : undefined;
  if (bound && limit) return t(`fault.${code}_of` as TextKey, { [bound]: limit });
  const own = `fault.${fieldOf(fault)}`;
  if (code !== 'missing' && isText(own)) return t(own);
  return word(t, 'fault', code);
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

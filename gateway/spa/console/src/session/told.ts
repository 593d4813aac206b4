/** A refusal as a person reads it: what it is, and what of the input is wrong. */
import { ApiProblem, type Language } from '@shared/problem';
import { faultText, problemText } from '../parts/words';
import type { T } from '../texts';

export function told(t: T, language: Language, error: unknown): string {
  if (!(error instanceof ApiProblem)) return t('problem.other');
  const faults = (error.body.errors ?? []).map((one) => faultText(t, language, one));
  const isPlain = error.code === 'invalid_body' && faults.length > 0;
  return [...new Set(isPlain ? faults : [problemText(t, language, error), ...faults])].join(' ');
}

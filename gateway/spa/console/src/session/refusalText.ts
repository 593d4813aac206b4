/** The text of a refusal for a person: the problem, and what is wrong with the input. */
import { ApiProblem, type Language } from '@shared/problem';
import { faultText, problemText } from '../parts/words';
import type { T } from '../texts';

export function refusalText(t: T, language: Language, error: unknown): string {
  if (!(error instanceof ApiProblem)) return t('problem.other');
  const faults = (error.body.errors ?? []).map((one) => faultText(t, language, one));
  const isPlain = error.code === 'invalid_body' && faults.length > 0;
  return [...new Set(isPlain ? faults : [problemText(t, language, error), ...faults])].join(' ');
}

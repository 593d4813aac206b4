/** A refusal as a person reads it: its title, and what of the input is wrong. */
import { type ApiProblem, inLanguage, type Language } from '@shared/problem';

export function told(error: ApiProblem, language: Language): string {
  const faults = (error.body.errors ?? []).map((one) => inLanguage(one.message, language));
  return [...new Set([error.titleIn(language), ...faults])].join(' ');
}

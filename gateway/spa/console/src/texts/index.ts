/** Every text in both languages, side by side, so that neither can be forgotten. */
import type { Language } from '@shared/problem';
import i18next from 'i18next';
import { initReactI18next, useTranslation } from 'react-i18next';
import { failures } from './codes/failures';
import { faults } from './codes/faults';
import { keyProblems } from './codes/key_problems';
import { names } from './codes/names';
import { problems } from './codes/problems';
import { common } from './common';
import { lists } from './lists';
import { acting } from './pages/acting';
import { audit } from './pages/audit';
import { binding } from './pages/binding';
import { cashier } from './pages/cashier';
import { devices } from './pages/devices';
import { entry } from './pages/entry';
import { home } from './pages/home';
import { onboarding } from './pages/onboarding';
import { operator } from './pages/operator';
import { orders } from './pages/orders';
import { passkeys } from './pages/passkeys';
import { people } from './pages/people';
import { refunds } from './pages/refunds';
import { settings } from './pages/settings';
import { sandbox } from './sandbox';
import { session } from './session';
import { shell } from './shell';

export const texts = {
  ...common,
  ...shell,
  ...session,
  ...lists,
  ...sandbox,
  ...acting,
  ...audit,
  ...binding,
  ...cashier,
  ...devices,
  ...entry,
  ...home,
  ...onboarding,
  ...operator,
  ...orders,
  ...passkeys,
  ...people,
  ...refunds,
  ...settings,
  ...failures,
  ...faults,
  ...keyProblems,
  ...names,
  ...problems,
} as const;
export type TextKey = keyof typeof texts;
export type T = (key: TextKey, values?: Record<string, string | number>) => string;

const LANGUAGE_KEY = 'damselfly.language';

/** Of a pair the Chinese or the English; a third text is the English for exactly one. */
function column(index: 0 | 1): Record<string, string> {
  const pairs: [string, readonly string[]][] = Object.entries(texts);
  const single = pairs.flatMap(([key, { 2: one }]) =>
    index === 1 && one ? [[`${key}_one`, one]] : [],
  );
  return Object.fromEntries([...pairs.map(([key, pair]) => [key, pair[index]]), ...single]);
}

/** What was chosen here; before that, what the browser prefers of our two. */
function firstLanguage(): Language {
  const chosen = localStorage.getItem(LANGUAGE_KEY);
  const wanted = chosen ? [chosen] : navigator.languages;
  const found = wanted.map((tag) => tag.slice(0, 2).toLowerCase());
  return found.find((tag) => tag === 'zh' || tag === 'en') === 'en' ? 'en' : 'zh-CN';
}

void i18next.use(initReactI18next).init({
  lng: firstLanguage(),
  fallbackLng: 'zh-CN',
  keySeparator: false,
  nsSeparator: false,
  interpolation: { escapeValue: false },
  resources: { 'zh-CN': { translation: column(0) }, en: { translation: column(1) } },
  react: { useSuspense: false },
});
document.documentElement.lang = i18next.language;

export function chooseLanguage(language: Language): void {
  localStorage.setItem(LANGUAGE_KEY, language);
  document.documentElement.lang = language;
  void i18next.changeLanguage(language);
}

/** `t` for our keys, the language, and a chooser between two texts that came from the server. */
export function useText() {
  const { t, i18n } = useTranslation();
  const language = i18n.language as Language;
  return {
    t: t as unknown as T,
    language,
    either: (chinese: string | null, english: string | null) =>
      (language === 'en' ? english || chinese : chinese || english) ?? '',
  };
}

/** The codes that a group has words for, but for the general one. */
export function wordsOf(group: string): string[] {
  const head = `${group}.`;
  const found = Object.keys(texts).filter((key) => key.startsWith(head));
  return found.map((key) => key.slice(head.length)).filter((code) => code !== 'other');
}

export function isText(key: string): key is TextKey {
  return key in texts;
}

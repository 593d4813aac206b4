/** The menu of both consoles: the pages that this person may open, in groups. */
import type { ReactNode } from 'react';
import type { Console } from '../api/client';
import { GROUPS, PAGES } from '../pages/registry';
import type { TextKey } from '../texts';

export interface MenuEntry {
  key: string;
  text: TextKey;
  icon?: ReactNode;
  children?: MenuEntry[];
}

type Can = (...permissions: string[]) => boolean;

/** The menu for this person; an operator who acts for a merchant gets that merchant's menu. */
export function menuFor(console: Console, isActing: boolean, can: Can): MenuEntry[] {
  const shown = isActing ? 'merchant' : console;
  const entries = new Map<string, MenuEntry>();
  for (const { path, consoles, menu } of PAGES) {
    const needs = consoles[shown];
    if (!menu || !needs || !can(...needs)) continue;
    const { group, text, icon } = menu;
    const entry = { key: path, text, icon };
    if (!group) {
      entries.set(path, entry);
      continue;
    }
    const { children = [] } = entries.get(group) ?? {};
    entries.set(group, { key: group, ...GROUPS[group], children: [...children, entry] });
  }
  return [...entries.values()];
}

/** The first page that the person may open. */
export function firstPage(entries: MenuEntry[]): string {
  for (const entry of entries) {
    const found = entry.children ? firstPage(entry.children) : entry.key;
    if (found) return found;
  }
  return '/account';
}

/** The title of the browser's tab: the page, or what is open over it. */
import { useEffect } from 'react';
import { useText } from '../texts';

const titles = { page: '', over: '' };

function show(appName: string): void {
  document.title = [titles.over || titles.page, appName].filter(Boolean).join(' · ');
}

/** `over`: a panel on the page, while it is open; null: none. */
export function useTabTitle(title: string | null, layer: keyof typeof titles = 'page'): void {
  const { t } = useText();
  const name = t('app.name');
  useEffect(() => {
    if (title === null) return undefined;
    titles[layer] = title;
    show(name);
    if (layer === 'page') return undefined;
    return () => {
      titles.over = '';
      show(name);
    };
  }, [title, layer, name]);
}

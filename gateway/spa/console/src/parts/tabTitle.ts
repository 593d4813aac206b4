/** What the browser's tab says: the page, or what is open over it. */
import { useEffect } from 'react';
import { useText } from '../texts';

const said = { page: '', over: '' };

function show(appName: string): void {
  document.title = [said.over || said.page, appName].filter(Boolean).join(' · ');
}

/** `over`: a panel on the page, for as long as it is open; null: there is none. */
export function useTabTitle(title: string | null, layer: keyof typeof said = 'page'): void {
  const { t } = useText();
  const name = t('app.name');
  useEffect(() => {
    if (title === null) return undefined;
    said[layer] = title;
    show(name);
    if (layer === 'page') return undefined;
    return () => {
      said.over = '';
      show(name);
    };
  }, [title, layer, name]);
}

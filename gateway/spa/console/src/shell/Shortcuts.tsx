/** The keyboard: `/` search, `?` this list, `g` and then a letter opens a page. */
import { useEffect, useRef, useState } from 'react';
import { useNavigate } from 'react-router';
import { PAGES } from '../pages/registry';
import { Window } from '../parts/forms/Window';
import { useText } from '../texts';

const GO = PAGES.flatMap(({ path, shortcut }) => (shortcut ? [{ path, ...shortcut }] : []));
const SECOND_KEY_WITHIN_MS = 1000;

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}

export function Shortcuts() {
  const { t } = useText();
  const navigate = useNavigate();
  const [isOpen, setOpen] = useState(false);
  const goneAt = useRef(0);
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (isTyping(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === '?') setOpen(true);
      if (event.key === '/') {
        const search = document.querySelector<HTMLInputElement>(
          '[data-search] input, input[data-search]',
        );
        if (search) {
          event.preventDefault();
          search.focus();
        }
      }
      const to = GO.find(({ letter }) => letter === event.key)?.path;
      if (to && Date.now() - goneAt.current < SECOND_KEY_WITHIN_MS) navigate(to);
      goneAt.current = event.key === 'g' ? Date.now() : 0;
    };
    document.addEventListener('keydown', press);
    return () => document.removeEventListener('keydown', press);
  }, [navigate]);
  const rows: [string, string][] = [
    ['/', t('keys.search')],
    ...GO.map(({ letter, text }): [string, string] => [`g ${letter}`, t(text)]),
    ['Esc', t('keys.close')],
    ['?', t('keys.sheet')],
  ];
  return (
    <Window open={isOpen} title={t('keys.title')} footer={null} onCancel={() => setOpen(false)}>
      <dl className="facts">
        {rows.map(([key, what]) => (
          <div key={key} style={{ display: 'contents' }}>
            <dt>
              <kbd className="kbd">{key}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </Window>
  );
}

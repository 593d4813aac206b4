/** An address that asks for the page's dialog: `?new=1`, from a link of another page. */
import { useEffect, useState } from 'react';
import { useSearchParams } from 'react-router';

const NAME = 'new';
export const ASKS_FOR_NEW = `?${NAME}=1`;

/** Whether it was asked for. The address forgets it at once: neither a reload nor the way back
 * opens the dialog anew. */
export function useAsked(): boolean {
  const [params, setParams] = useSearchParams();
  const isThere = params.get(NAME) === '1';
  const [isAsked, setAsked] = useState(isThere);
  useEffect(() => {
    if (!isThere) return;
    setAsked(true);
    setParams(
      (before) => {
        const next = new URLSearchParams(before);
        next.delete(NAME);
        return next;
      },
      { replace: true },
    );
  }, [isThere, setParams]);
  return isAsked;
}

/** An address that opens the page's dialog: `?new=1`, in links of other pages. */
import { useEffect, useState } from 'react';
import { useSearchParams } from 'react-router';

const NAME = 'new';
export const OPEN_NEW = `?${NAME}=1`;

/** Whether the address asks for the dialog. The parameter is removed at once, so that neither a
 * reload nor the back button opens the dialog again. */
export function useOpensAtOnce(): boolean {
  const [params, setParams] = useSearchParams();
  const isThere = params.get(NAME) === '1';
  const [opensAtOnce, setOpens] = useState(isThere);
  useEffect(() => {
    if (!isThere) return;
    setOpens(true);
    setParams(
      () => {
        // The address itself: a filter may have been changed before this is drawn.
        const next = new URLSearchParams(window.location.search);
        next.delete(NAME);
        return next;
      },
      { replace: true },
    );
  }, [isThere, setParams]);
  return opensAtOnce;
}

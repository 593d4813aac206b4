/** A link in a row of a list to what opens beside the list: it keeps the list's filters. */
import type { MouseEvent } from 'react';
import { Link, type LinkProps, type Path, useLocation, useNavigate } from 'react-router';

/** The address of what opens beside the list, with the filters of that search. */
export type Beside = (search: string) => Partial<Path>;

interface Props extends Omit<LinkProps, 'to' | 'onClick'> {
  to: Beside;
}

/** A click takes the filters that the address has now: the page may not be drawn with them yet. */
export function BesideLink({ to, ...rest }: Props) {
  const { search } = useLocation();
  const navigate = useNavigate();
  const open = (event: MouseEvent) => {
    // With a key or another button the browser opens it, in another tab.
    if (event.button || event.metaKey || event.altKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    void navigate(to(window.location.search));
  };
  return <Link {...rest} to={to(search)} onClick={open} />;
}

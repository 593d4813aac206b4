/** A button that opens another page: a real link, so that Ctrl and the middle mouse button work. */
import { Button, type ButtonProps } from 'antd';
import type { ReactNode } from 'react';
import { type To, useHref, useLinkClickHandler } from 'react-router';

export function GoButton({ to, children, ...rest }: ButtonProps & { to: To; children: ReactNode }) {
  const href = useHref(to);
  const go = useLinkClickHandler(to);
  return (
    <Button
      {...rest}
      href={href}
      onClick={(event) => go(event as unknown as React.MouseEvent<HTMLAnchorElement>)}
    >
      {children}
    </Button>
  );
}

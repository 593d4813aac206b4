/** Buttons that load, in the small DOM. */
import { screen, waitFor, type within } from '@testing-library/react';
import { expect } from 'vitest';

/** The button whose name ends so, as soon as it takes a press: while it loads it takes none. Before
 * its text may still stand "loading", for the small DOM ends no motion, not that of the icon. */
export function readyButton(
  text: string,
  where: Pick<ReturnType<typeof within>, 'getByRole'> = screen,
): Promise<HTMLElement> {
  return waitFor(() => {
    const found = where.getByRole('button', { name: (name: string) => name.endsWith(text) });
    expect(found.className).not.toContain('btn-loading');
    return found;
  });
}

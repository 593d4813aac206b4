/** What goes on beside the pages ends when whoever began it is here no longer. */

const ends = new Set<() => void>();

/** Calls `end` whenever the window's person or merchant is another one, or nobody, or may do less. */
export function onIdentityChange(end: () => void): void {
  ends.add(end);
}

export function identityChanged(): void {
  for (const end of ends) end();
}

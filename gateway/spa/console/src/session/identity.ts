/** Ends background work when the person who started it is gone. */

const ends = new Set<() => void>();

/** Calls `end` when the window's person or merchant changes, nobody is signed in, or permissions
 * are lost. */
export function onIdentityChange(end: () => void): void {
  ends.add(end);
}

export function identityChanged(): void {
  for (const end of ends) end();
}

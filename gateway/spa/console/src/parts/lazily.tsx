/** Parts of the console that are fetched when they are first shown, and once more after that failed. */
import { type ComponentType, lazy, type ReactNode, useState } from 'react';

/** The code could not be fetched: the server cannot be reached, or has another release by now. */
export class NotFetched extends Error {}

const failed = new Set<() => void>();

type Part<P> = (props: P) => ReactNode;

/** Shown like any other; `fetch` brings its code before it is. */
export type Lazily<P> = Part<P> & { fetch: () => void };

/**
 * Like React's `lazy`, which keeps a failure for ever, and lets everybody wait for a moment even for
 * code that is there by now; here `letAgain` makes room for another try, and what is there is shown.
 */
export function lazily<P extends object>(load: () => Promise<{ default: Part<P> }>): Lazily<P> {
  let there: Part<P> | undefined;
  const fetched = async () => {
    try {
      const found = await load();
      there = found.default;
      return found;
    } catch (why) {
      failed.add(again);
      throw new NotFetched(String(why));
    }
  };
  const fresh = () => lazy(fetched) as unknown as ComponentType<P>;
  let Found = fresh();
  const again = () => {
    Found = fresh();
  };
  const Page = (props: P) => {
    // The same for as long as it is shown: another one would begin anew.
    const [Shown] = useState<ComponentType<P>>(() => there ?? Found);
    return <Shown {...props} />;
  };
  return Object.assign(Page, { fetch: () => void fetched().catch(() => undefined) });
}

/** What could not be fetched is fetched anew when it is shown the next time. */
export function letAgain(): void {
  for (const again of failed) again();
  failed.clear();
}

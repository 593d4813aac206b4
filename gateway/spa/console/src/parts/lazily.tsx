/** Parts of the console whose code is fetched when they are first shown, and again after a
 * failure. */
import { type ComponentType, lazy, type ReactNode, useState } from 'react';

/** The code could not be fetched: the server is unreachable, or runs another release by now. */
export class NotFetched extends Error {}

const failed = new Set<() => void>();

type Part<P> = (props: P) => ReactNode;

/** A component like any other; `fetch` loads its code in advance. */
export type Lazily<P> = Part<P> & { fetch: () => void };

/** Like React's `lazy`, which keeps a failure for ever and waits for a moment even for loaded
 * code. Here `letAgain` allows another try, and loaded code is shown at once. */
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
    // The same component while it is shown: another one would lose its state.
    const [Shown] = useState<ComponentType<P>>(() => there ?? Found);
    return <Shown {...props} />;
  };
  return Object.assign(Page, { fetch: () => void fetched().catch(() => undefined) });
}

/** A failed fetch is repeated when the component is shown the next time. */
export function letAgain(): void {
  for (const again of failed) again();
  failed.clear();
}

/** Parts of the console that are fetched when they are first shown, and once more after that failed. */
import { type ComponentType, lazy, type ReactNode } from 'react';

/** The code could not be fetched: the server cannot be reached, or has another release by now. */
export class NotFetched extends Error {}

const failed = new Set<() => void>();

type Part<P> = (props: P) => ReactNode;

/** Like React's `lazy`, which keeps a failure for ever; here `letAgain` makes room for another try. */
export function lazily<P extends object>(load: () => Promise<{ default: Part<P> }>): Part<P> {
  const fresh = () =>
    lazy(async () => {
      try {
        return await load();
      } catch (why) {
        failed.add(again);
        throw new NotFetched(String(why));
      }
    }) as unknown as ComponentType<P>;
  let Found = fresh();
  const again = () => {
    Found = fresh();
  };
  return (props: P) => <Found {...props} />;
}

/** What could not be fetched is fetched anew when it is shown the next time. */
export function letAgain(): void {
  for (const again of failed) again();
  failed.clear();
}

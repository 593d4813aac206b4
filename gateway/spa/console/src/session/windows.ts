/** Windows of one browser share a session: what one of them does to it, the others hear. */

const CHANNEL = 'damselfly.session';
/** For browsers without channels: the other windows hear that it is written. */
const KEY = 'damselfly.told';

let channel: BroadcastChannel | null = null;

function opened(): BroadcastChannel | null {
  if (channel === null && typeof BroadcastChannel === 'function')
    channel = new BroadcastChannel(CHANNEL);
  return channel;
}

/** Somebody signed in or out here, or acting began or ended. Says no more than that: each window
 * asks the server who is signed in. */
export function tellOthers(): void {
  const open = opened();
  if (open) open.postMessage('changed');
  else localStorage.setItem(KEY, `${Date.now()} ${Math.random()}`);
}

/** Calls `heard` when another window has told; returns how to stop. */
export function onTold(heard: () => void): () => void {
  const open = opened();
  const stored = ({ key }: StorageEvent) => {
    if (key === KEY) heard();
  };
  open?.addEventListener('message', heard);
  window.addEventListener('storage', stored);
  return () => {
    open?.removeEventListener('message', heard);
    window.removeEventListener('storage', stored);
  };
}

/** Opens a page anew, with nothing of what this window showed or was being written in it. */
export function openAnew(path: string): void {
  window.location.assign(path);
}

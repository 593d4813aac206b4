/** Windows of one browser share a session: a window notifies the others when it changes the
 * session. */

const CHANNEL = 'damselfly.session';
/** For browsers without channels: the other windows get an event when it is written. */
const KEY = 'damselfly.changed';

let channel: BroadcastChannel | null = null;

function opened(): BroadcastChannel | null {
  if (channel === null && typeof BroadcastChannel === 'function')
    channel = new BroadcastChannel(CHANNEL);
  return channel;
}

/** Somebody signed in or out here, or acting began or ended. The message contains nothing else:
 * each window asks the server who is signed in. */
export function notifyOthers(): void {
  const open = opened();
  if (open) open.postMessage('changed');
  else localStorage.setItem(KEY, `${Date.now()} ${Math.random()}`);
}

/** Calls `callback` when another window has sent a notification; returns a function that stops
 * it. */
export function onNotified(callback: () => void): () => void {
  const open = opened();
  const stored = ({ key }: StorageEvent) => {
    if (key === KEY) callback();
  };
  open?.addEventListener('message', callback);
  window.addEventListener('storage', stored);
  return () => {
    open?.removeEventListener('message', callback);
    window.removeEventListener('storage', stored);
  };
}

/** Loads a page anew, without anything that this window showed or that was being entered. */
export function openAnew(path: string): void {
  window.location.assign(path);
}

/** Stores this browser's terminals: one per merchant, in IndexedDB, the only place for a key
 * that no script can read. The terminal's unfinished payment is stored beside it, so that both
 * survive a closed tab; the buyer's code is never stored. */

export interface Terminal {
  merchantId: string;
  deviceId: string;
  keyId: string;
  key: CryptoKey;
  sn: string;
  storeId: string;
  /** RFC 3339, this browser's clock */
  enrolledAt: string;
  /** the unfinished payment */
  unfinished?: Unfinished;
}

interface Unfinished {
  payRequestId: string;
  amountFen: number;
  startedAt: number;
}

/** The part that the page needs; tests use one in memory. */
export interface Keystore {
  load: (merchantId: string) => Promise<Terminal | null>;
  save: (terminal: Terminal) => Promise<void>;
  /** Stores the unfinished payment of this very key, or that there is none. False: the key was
   * removed meanwhile, and nothing is stored. */
  mark: (terminal: Terminal, unfinished: Unfinished | null) => Promise<boolean>;
  forget: (merchantId: string) => Promise<void>;
}

const NAME = 'damselfly.cashier';
const TABLE = 'terminals';

function opened(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () =>
      request.result.createObjectStore(TABLE, { keyPath: 'merchantId' });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** One transaction; resolves when it is on disk. */
async function within<R>(
  mode: IDBTransactionMode,
  act: (table: IDBObjectStore) => IDBRequest<R>,
): Promise<R> {
  const database = await opened();
  try {
    return await new Promise<R>((resolve, reject) => {
      const tx = database.transaction(TABLE, mode, { durability: 'strict' });
      const request = act(tx.objectStore(TABLE));
      tx.oncomplete = () => resolve(request.result);
      tx.onerror = () => reject(tx.error);
      tx.onabort = () => reject(tx.error);
    });
  } finally {
    database.close();
  }
}

type Row = Terminal | Pick<Terminal, 'merchantId' | 'sn'>;

async function row(merchantId: string): Promise<Row | null> {
  const found = await within('readonly', (table) => table.get(merchantId));
  return (found as Row | undefined) ?? null;
}

export const inBrowser: Keystore = {
  load: async (merchantId) => {
    const found = await row(merchantId);
    return found && 'key' in found ? found : null;
  },
  save: async (terminal) => {
    await within('readwrite', (table) => table.put(terminal));
  },
  mark: async (terminal, unfinished) => {
    let isKnown = false;
    await within('readwrite', (table) => {
      const request = table.get(terminal.merchantId);
      request.onsuccess = () => {
        const found = request.result as Row | undefined;
        if (!found || !('key' in found) || found.keyId !== terminal.keyId) return;
        isKnown = true;
        table.put(marked(found, unfinished));
      };
      return request;
    });
    return isKnown;
  },
  forget: async (merchantId) => {
    const found = await row(merchantId);
    // Keeps only the name, so that the same browser enrols as the same device again.
    if (found) await within('readwrite', (table) => table.put({ merchantId, sn: found.sn }));
  },
};

/** The former name of this browser as that merchant's terminal. */
export async function keptSn(merchantId: string): Promise<string | null> {
  return (await row(merchantId))?.sn ?? null;
}

/** Stores the name before the enrolment, in case its answer is lost. */
export async function keepSn(merchantId: string, sn: string): Promise<void> {
  if (await row(merchantId)) return;
  await within('readwrite', (table) => table.put({ merchantId, sn }));
}

export function marked({ unfinished: _, ...bare }: Terminal, open: Unfinished | null): Terminal {
  return open ? { ...bare, unfinished: open } : bare;
}

type Hindrance = 'cashier.insecure' | 'cashier.no_storage';

/** Why this browser cannot be a terminal; null: it can. */
export function hindrance(): Hindrance | null {
  if (!window.isSecureContext || !globalThis.crypto?.subtle) return 'cashier.insecure';
  return globalThis.indexedDB ? null : 'cashier.no_storage';
}

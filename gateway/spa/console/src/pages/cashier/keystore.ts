/**
 * Where this browser keeps its terminals: one per merchant, in IndexedDB, which alone can hold a key
 * that no script may read. The payment a terminal is in the middle of is beside it, so that a closed
 * tab forgets neither; the buyer's code never is.
 */

export interface Terminal {
  merchantId: string;
  deviceId: string;
  keyId: string;
  key: CryptoKey;
  sn: string;
  storeId: string;
  /** RFC 3339, this browser's clock */
  enrolledAt: string;
  /** the payment that has not come to its end */
  unfinished?: Unfinished;
}

interface Unfinished {
  payRequestId: string;
  amountFen: number;
  startedAt: number;
}

/** What the page needs of it; tests keep theirs in memory. */
export interface Keystore {
  load: (merchantId: string) => Promise<Terminal | null>;
  save: (terminal: Terminal) => Promise<void>;
  /** Writes down the payment that this very key is in the middle of, or that there is none. False:
   * the key was forgotten meanwhile, and nothing is written. */
  mark: (terminal: Terminal, unfinished: Unfinished | null) => Promise<boolean>;
  forget: (merchantId: string) => Promise<void>;
}

const NAME = 'damselfly.cashier';
const TABLE = 'terminals';

function opened(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const asked = indexedDB.open(NAME, 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore(TABLE, { keyPath: 'merchantId' });
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
}

/** One transaction; done when it is on disk. */
async function within<R>(
  mode: IDBTransactionMode,
  act: (table: IDBObjectStore) => IDBRequest<R>,
): Promise<R> {
  const database = await opened();
  try {
    return await new Promise<R>((resolve, reject) => {
      const tx = database.transaction(TABLE, mode, { durability: 'strict' });
      const asked = act(tx.objectStore(TABLE));
      tx.oncomplete = () => resolve(asked.result);
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
      const asked = table.get(terminal.merchantId);
      asked.onsuccess = () => {
        const found = asked.result as Row | undefined;
        if (!found || !('key' in found) || found.keyId !== terminal.keyId) return;
        isKnown = true;
        table.put(marked(found, unfinished));
      };
      return asked;
    });
    return isKnown;
  },
  forget: async (merchantId) => {
    const found = await row(merchantId);
    // The name alone stays: the same browser comes back as the same device.
    if (found) await within('readwrite', (table) => table.put({ merchantId, sn: found.sn }));
  },
};

/** What this browser was called, when it was that merchant's terminal before. */
export async function keptSn(merchantId: string): Promise<string | null> {
  return (await row(merchantId))?.sn ?? null;
}

/** What this browser is about to be called, should the answer to its enrolment be lost. */
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

/** The store whose data is shown: chosen in the header, stored in this browser. */
import { useQuery } from '@tanstack/react-query';
import { createContext, type ReactNode, useContext, useState } from 'react';
import { get } from '../api/client';
import type { Store } from '../api/shapes';
import { everything } from '../parts/lists/walk';
import { useSession } from '../session/session';

const KEY = 'damselfly.store';

interface Chosen {
  storeId: string | undefined;
  stores: Store[];
  /** whether `stores` is loaded and complete */
  isKnown: boolean;
  choose: (storeId: string | undefined) => void;
  /** still loading: an empty list means nothing yet */
  isPending: boolean;
  /** why loading failed: this does not mean that there are no stores */
  error: Error | null;
  again: () => void;
}

const Context = createContext<Chosen>({
  storeId: undefined,
  stores: [],
  isKnown: false,
  choose: () => undefined,
  isPending: false,
  error: null,
  again: () => undefined,
});

export function StoreProvider({ children }: { children: ReactNode }) {
  const { can, merchantId } = useSession();
  const [wanted, setWanted] = useState(localStorage.getItem(KEY) ?? undefined);
  const stores = useQuery({
    queryKey: ['stores', 'all', merchantId],
    queryFn: () =>
      everything<Store>({
        load: (query) => get('/api/merchant/v1/stores', { query }),
        keyOf: (row) => row.store_id,
      }),
    enabled: can('stores.read') && merchantId !== null,
  });
  const items = stores.data ?? [];
  const storeId = items.some((store) => store.store_id === wanted) ? wanted : undefined;
  const choose = (next: string | undefined) => {
    if (next) localStorage.setItem(KEY, next);
    else localStorage.removeItem(KEY);
    setWanted(next);
  };
  const value: Chosen = {
    storeId,
    stores: items,
    isKnown: stores.isSuccess,
    choose,
    isPending: items.length === 0 && stores.isFetching,
    error: stores.isLoadingError ? stores.error : null,
    again: () => void stores.refetch(),
  };
  return <Context.Provider value={value}>{children}</Context.Provider>;
}

export const useStores = () => useContext(Context);

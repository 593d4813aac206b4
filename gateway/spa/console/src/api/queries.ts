/** What pages have loaded, kept and loaded again after a change. */
import {
  type InvalidateOptions,
  type InvalidateQueryFilters,
  QueryClient,
} from '@tanstack/react-query';

/** The library takes an answer on its way, which may be older than the change, for the state after
 * it, if it is the first one or if no page shows it now. Here a first one is dropped; after one that
 * no page shows, it is loaded again when a page does. */
export class Queries extends QueryClient {
  override invalidateQueries(
    filters: InvalidateQueryFilters = {},
    options?: InvalidateOptions,
  ): Promise<void> {
    const loading = this.getQueryCache().findAll({ ...filters, fetchStatus: 'fetching' });
    for (const query of loading) {
      if (!query.isActive()) {
        // Not dropped: an export may wait for it.
        const { queryKey } = query;
        const again = () => super.invalidateQueries({ queryKey, exact: true }, options);
        void query.promise?.then(again, () => undefined);
      }
      // Silent: whoever waits for the dropped answer gets that of the request which follows.
      else if (query.state.data === undefined) void query.cancel({ revert: true, silent: true });
    }
    return super.invalidateQueries(filters, options);
  }
}

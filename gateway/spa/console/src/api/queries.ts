/** What pages have loaded, kept and loaded again after a change. */
import {
  type InvalidateOptions,
  type InvalidateQueryFilters,
  QueryClient,
} from '@tanstack/react-query';

/** The library does not start what is loading for the first time anew: it takes the answer on its
 * way, which may be older than the change, for the state after it. Here that answer is dropped. */
export class Queries extends QueryClient {
  override invalidateQueries(
    filters: InvalidateQueryFilters = {},
    options?: InvalidateOptions,
  ): Promise<void> {
    const loading = this.getQueryCache().findAll({
      ...filters,
      type: 'active',
      fetchStatus: 'fetching',
    });
    for (const query of loading) {
      // Silent: whoever waits for the dropped answer gets that of the request which follows.
      if (query.state.data === undefined) void query.cancel({ revert: true, silent: true });
    }
    return super.invalidateQueries(filters, options);
  }
}

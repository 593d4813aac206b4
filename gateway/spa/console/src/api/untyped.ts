/** The edge's own door, whose answer no OpenAPI document describes. */
import type { About } from './shapes';

interface Method<Out> {
  responses: { 200: { content: { 'application/json': Out } } };
}

export interface UntypedPaths {
  '/api/public/v1/about': { get: Method<About> };
}

/**
 * Doors whose bodies no OpenAPI document describes: the edge's own, and the inbox of notices, which
 * answers with the JSON that it stores.
 */
import type { About, NoticeDetail, NoticeRow, RefusalRow } from './shapes';

type Method<Out, Body = undefined> = {
  requestBody: Body extends undefined ? undefined : { content: { 'application/json': Body } };
  responses: { 200: { content: { 'application/json': Out } } };
};

export interface UntypedPaths {
  '/api/public/v1/about': { get: Method<About> };
  '/api/operator/v1/notices': { get: Method<{ items: NoticeRow[]; next: string | null }> };
  '/api/operator/v1/notices/refusals': { get: Method<{ items: RefusalRow[] }> };
  '/api/operator/v1/notices/{merchant_id}/{app_id}/{notify_id}': { get: Method<NoticeDetail> };
  '/api/operator/v1/notices/{merchant_id}/{app_id}/{notify_id}/replay': {
    post: Method<NoticeRow, Record<string, never>>;
  };
}

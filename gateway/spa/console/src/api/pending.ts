/**
 * Doors that are agreed but not yet in docs/openapi: written by hand from the contract.
 * When a door lands there, delete its entry here and the generated type takes over.
 */
import type {
  About,
  ApiKeyRow,
  AppChange,
  AuditRow,
  AuditVerdict,
  BoundApp,
  Finding,
  KeyPair,
  KeyReport,
  Merchant,
  NoticeRow,
  OnboardingMap,
  OpenedSession,
  Orders,
  Page,
  PendingChange,
  RoleRow,
  Session,
  SessionRow,
  StaffRow,
  Store,
  WechatSettings,
} from './shapes';

export * from './shapes';

type Method<Out, Body = undefined, Query = undefined> = {
  parameters: { query?: Query };
  requestBody: Body extends undefined ? undefined : { content: { 'application/json': Body } };
  responses: { 200: { content: { 'application/json': Out } } };
};

type Paging = { page?: number; page_size?: number };
type RowAct = { app_id?: string; form?: Record<string, unknown>; note?: string };
type OrderQuery = Paging & Record<string, string | number | undefined>;

type Both<Suffix extends string, Item> = Record<
  `/api/merchant/v1${Suffix}` | `/api/operator/v1${Suffix}`,
  Item
>;

type SessionDoors = Both<
  '/session',
  {
    get: Method<Session>;
    post: Method<OpenedSession, { login: string; password: string }>;
    delete: Method<undefined>;
  }
> &
  Both<'/session/step-up', { post: Method<{ step_up_until: string }, { password: string }> }> &
  Both<'/sessions', { get: Method<{ items: SessionRow[] }>; delete: Method<undefined> }> &
  Both<'/sessions/{session_id}', { delete: Method<undefined> }> &
  Both<
    '/password',
    { post: Method<undefined, { current_password: string; new_password: string }> }
  >;

type PeopleDoors = Both<
  '/staff',
  {
    get: Method<Page<StaffRow>, undefined, Paging>;
    post: Method<
      StaffRow,
      { login: string; name: string; password: string; role: string; store_ids: string[] }
    >;
  }
> &
  Both<
    '/staff/{user_id}',
    {
      patch: Method<
        StaffRow,
        {
          name?: string;
          role?: string;
          is_enabled?: boolean;
          store_ids?: string[];
          version: number;
        }
      >;
    }
  > &
  Both<'/staff/{user_id}/password', { post: Method<undefined, { password: string }> }> &
  Both<'/roles', { get: Method<{ items: RoleRow[] }> }> &
  Both<
    '/audit',
    { get: Method<Page<AuditRow>, undefined, Paging & Record<string, string | number | undefined>> }
  > &
  Both<'/audit/verify', { post: Method<AuditVerdict, Record<string, never>> }>;

interface MerchantDoors {
  '/api/public/v1/about': { get: Method<About> };
  '/api/merchant/v1/api-keys': {
    get: Method<Page<ApiKeyRow>, undefined, Paging>;
    post: Method<ApiKeyRow & { secret: string }, { name: string; store_id: string | null }>;
  };
  '/api/merchant/v1/api-keys/{key_id}': { delete: Method<undefined> };
  '/api/merchant/v1/merchant': {
    get: Method<Merchant>;
    patch: Method<Merchant, Partial<Merchant> & { version: number }>;
  };
  '/api/merchant/v1/stores/{store_id}': {
    get: Method<Store>;
    patch: Method<Store, { name: string; version: number }>;
  };
  '/api/merchant/v1/settings/wechat': {
    get: Method<WechatSettings>;
    put: Method<
      WechatSettings,
      {
        mch_id: string;
        app_id: string;
        cert_serial: string;
        enabled: boolean;
        version: number;
        api_v3_key?: string;
        private_key?: string;
      }
    >;
  };
  '/api/merchant/v1/apps': {
    get: Method<{ items: BoundApp[] }>;
    put: Method<BoundApp | { change_id: string }, AppChange>;
  };
  '/api/merchant/v1/apps/{app_id}': { get: Method<BoundApp> };
  '/api/merchant/v1/apps/key-check': {
    post: Method<
      KeyReport,
      {
        app_id?: string;
        app_private_key?: string;
        key_pair_id?: string;
        alipay_public_key?: string;
      }
    >;
  };
  '/api/merchant/v1/apps/key-pairs': { post: Method<KeyPair, Record<string, never>> };
  '/api/merchant/v1/apps/{app_id}/probe': {
    post: Method<{ findings: Finding[] }, Record<string, never>>;
  };
  '/api/merchant/v1/apps/changes': { get: Method<{ items: PendingChange[] }> };
  '/api/merchant/v1/apps/changes/{change_id}/{verdict}': {
    post: Method<unknown, Record<string, never>>;
  };
  '/api/merchant/v1/onboarding': { get: Method<OnboardingMap, undefined, { app_id?: string }> };
  '/api/merchant/v1/onboarding/rows/{row}/{act}': { post: Method<OnboardingMap, RowAct> };
  '/api/merchant/v1/orders': { get: Method<Page<Orders['order']>, undefined, OrderQuery> };
  '/api/operator/v1/acting': {
    post: Method<Session, { merchant_id: string; reason: string; minutes: number }>;
    delete: Method<undefined>;
  };
  '/api/operator/v1/merchants': {
    get: Method<Page<Merchant>, undefined, Paging>;
    post: Method<Merchant, { name: string; login: string; password: string }>;
  };
  '/api/operator/v1/merchants/{merchant_id}': { get: Method<Merchant> };
  '/api/operator/v1/notices': {
    get: Method<
      { items: NoticeRow[]; next: string | null },
      undefined,
      Record<string, string | number | undefined>
    >;
  };
  '/api/operator/v1/notices/{merchant_id}/{app_id}/{notify_id}/replay': {
    post: Method<NoticeRow, Record<string, never>>;
  };
}

export type PendingPaths = SessionDoors & PeopleDoors & MerchantDoors;

/**
 * Doors that are agreed but not yet in docs/openapi: written by hand from the contract.
 * When a door lands there, delete its entry here and the generated type takes over.
 */

type Method<Out, Body = undefined, Query = undefined> = {
  parameters: { query?: Query };
  requestBody: Body extends undefined ? undefined : { content: { 'application/json': Body } };
  responses: { 200: { content: { 'application/json': Out } } };
};

export interface Page<T> {
  items: T[];
  total: number;
  page: number;
  page_size: number;
}

type Paging = { page?: number; page_size?: number };

// --- the edge itself

export interface About {
  is_sandbox: boolean;
  version: string;
}

// --- sessions and people

export interface Acting {
  merchant_id: string;
  merchant_name: string;
  reason: string;
  until: string;
}

export interface Session {
  user: {
    user_id: string;
    login: string;
    name?: string;
    role: string;
    store_ids?: string[];
  };
  merchant: Merchant | null;
  permissions: string[];
  expires_at: string;
  step_up_until?: string | null;
  acting?: Acting | null;
}

export interface OpenedSession extends Session {
  csrf_token: string;
}

export interface SessionRow {
  session_id: string;
  created_at: string;
  seen_at: string;
  expires_at: string;
  user_agent: string;
  address: string;
  is_current: boolean;
}

export interface StaffRow {
  user_id: string;
  login: string;
  name: string;
  role: string;
  is_enabled: boolean;
  store_ids: string[];
  version: number;
  created_at?: string;
}

export interface RoleRow {
  role: string;
  permissions: string[];
}

export interface ApiKeyRow {
  key_id: string;
  name: string;
  store_id: string | null;
  created_at: string;
  last_used_at?: string | null;
  revoked_at?: string | null;
}

export interface Merchant {
  merchant_id: string;
  name: string;
  created_at: string;
  edition?: 'flagship' | 'face_pay';
  dual_control?: boolean;
  support_contact?: string;
  version?: number;
}

export interface Store {
  store_id: string;
  name: string;
  created_at: string;
  version?: number;
}

export interface WechatSettings {
  mch_id: string;
  app_id: string;
  cert_serial: string;
  enabled: boolean;
  version: number;
  has_api_v3_key: boolean;
  has_private_key: boolean;
}

export interface AuditRow {
  audit_id: string;
  seq: number;
  at: string;
  actor: string;
  actor_name: string;
  action: string;
  subject: string;
  before: unknown;
  after: unknown;
  request_id: string | null;
  address: string | null;
  reason?: string | null;
}

export interface AuditVerdict {
  is_intact: boolean;
  entries: number;
  head: string;
  anchored_at: string | null;
  broken_at: number | null;
}

// --- the binding record and the key doctor

export interface AppKey {
  key_version: number;
  fingerprint: string;
  bits: number;
  app_public_key: string;
  alipay_public_key: string;
  created_at: string;
  last_used_at?: string | null;
  not_after?: string | null;
}

export interface BoundApp {
  app_id: string;
  seller_id: string;
  enabled: boolean;
  version: number;
  notify_path: string;
  created_at: string;
  updated_at: string;
  updated_by?: string | null;
  mode?: 'key' | 'cert';
  has_aes_key?: boolean;
  has_app_auth_token?: boolean;
  key: AppKey;
  keys?: AppKey[];
}

export interface AppChange {
  app_id: string;
  seller_id?: string;
  enabled: boolean;
  version: number;
  mode?: 'key' | 'cert';
  app_private_key?: string;
  key_pair_id?: string;
  alipay_public_key?: string;
  app_cert?: string;
  alipay_cert?: string;
  alipay_root_cert?: string;
  aes_key?: string;
  app_auth_token?: string;
}

export interface Finding {
  field: string;
  code: string;
  level: 'ok' | 'warn' | 'error';
  title: string;
  remedy: string;
}

export interface KeyReport {
  findings: Finding[];
  private: { bits: number; format: string; fingerprint: string; app_public_key: string } | null;
  alipay: { bits: number; format: string; fingerprint: string } | null;
  can_save: boolean;
}

export interface KeyPair {
  key_pair_id: string;
  app_public_key: string;
  fingerprint: string;
  bits: number;
  created_at: string;
  expires_at: string;
}

export interface PendingChange {
  change_id: string;
  app_id: string;
  asked_by: string;
  asked_by_name?: string;
  asked_at: string;
  fingerprint?: string;
  state?: string;
}

// --- onboarding

export type RowState = 'todo' | 'running' | 'done' | 'failed' | 'skipped' | 'blocked';

export interface RowField {
  field: string;
  label_zh: string;
  label_en: string;
  kind: string;
  required: boolean;
  min?: number | null;
  max?: number | null;
  value?: string | number | null;
}

export interface OnboardingRow {
  row: string;
  code: string;
  kind: 'auto' | 'check' | 'manual';
  state: RowState;
  title_zh: string;
  title_en: string;
  help_zh: string;
  help_en: string;
  where_url: string | null;
  copy: { label_zh: string; label_en: string; value: string }[];
  form: RowField[] | null;
  evidence: Record<string, unknown> | null;
  remedy_zh: string | null;
  remedy_en: string | null;
  at: string | null;
  by: string | null;
}

export interface OnboardingMap {
  app_id: string | null;
  is_ready: boolean;
  percent: number;
  next_row: string | null;
  steps: { step: number; code: string; rows: OnboardingRow[] }[];
}

type RowAct = { app_id?: string; form?: Record<string, unknown>; note?: string };

// --- orders and notices

export interface Totals {
  paid_fen: number;
  count: number;
  refunded_fen: number;
}

export interface Dashboard {
  today: Totals;
  yesterday: Totals;
  week: { date: string; paid_fen: number; count: number }[];
  by_store: { store_id: string; store_name?: string | null; paid_fen: number; count: number }[];
  unknown_count: number;
  as_of: string;
}

export interface NoticeRow {
  merchant_id: string;
  app_id: string;
  notify_id: string;
  kind: string;
  out_trade_no: string | null;
  trade_no: string | null;
  total_fen: number | null;
  verdict: string;
  reason: string | null;
  received_at: string;
  deliveries: number;
}

type OrderQuery = Paging & Record<string, string | number | undefined>;

export interface Orders {
  order: import('./generated').order.components['schemas']['OrderOut'];
  detail: import('./generated').order.components['schemas']['OrderDetail'];
}

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
  '/api/merchant/v1/dashboard': { get: Method<Dashboard, undefined, { store_id?: string }> };
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

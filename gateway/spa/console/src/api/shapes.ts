/**
 * What the doors of pending.ts take and answer, by hand from the contract; goes when they land.
 */

export interface Page<T> {
  items: T[];
  total: number;
  page: number;
  page_size: number;
}

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

// --- orders and notices

type OrderShapes = import('./generated').order.components['schemas'];
export type Dashboard = OrderShapes['DashboardOut'];
export type Totals = OrderShapes['Totals'];

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

export interface Orders {
  order: OrderShapes['OrderOut'];
  detail: OrderShapes['OrderDetail'];
}

/** What the device's doors answer, as docs/openapi has it for /api/device/v1. */
import type { payment } from '../../api/generated';

export type PaymentStatus =
  | 'pending'
  | 'paid'
  | 'failed'
  | 'closed'
  | 'reversed'
  | 'refunded'
  | 'partially_refunded'
  | 'late_paid';

export type WaitingFor = 'channel' | 'buyer' | 'outcome' | 'cancel' | 'person';

export interface Payment {
  payment_id: string;
  pay_request_id: string;
  out_trade_no: string;
  status: PaymentStatus;
  amount_fen: number;
  scene: string;
  message: string;
  created_at: string;
  paid_at: string | null;
  /** while it is pending */
  waiting_for?: WaitingFor;
  retry_after_ms?: number;
  /** when it failed */
  reason?: { code: string; message: string };
}

export interface PayOrder {
  pay_request_id: string;
  amount_fen: number;
  auth_code: string;
  store_id: string;
  subject?: string;
}

export interface Reward {
  payment_id: string;
  status: 'granted' | 'pending' | 'revoked' | 'none';
  reason?: string | null;
  coupon?: { title: string; title_en: string; value_fen: number; threshold_fen: number } | null;
  draws: { granted: number; used: number; on_device: number; device_drawn: boolean };
  retry_after_ms?: number | null;
}

export interface Draw {
  prize: { name: string; name_en: string } | null;
}

/** The payment at the merchant's own door. */
export type Detail = payment.components['schemas']['PaymentOut'];

export interface Enrolled {
  device_id: string;
  key_id: string;
  key: string;
  merchant_id: string;
  store_id: string;
  server_time: number;
}

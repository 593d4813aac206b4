/** What the device's doors take and answer, by the names that the cashier has for it. */
import type { campaign, device, payment } from '../../api/generated';

type OfPayment = payment.components['schemas'];
type OfCampaign = campaign.components['schemas'];

export type Payment = OfPayment['DevicePaymentOut'];
export type PaymentStatus = Payment['status'];

/** What is asked for, of all that the door takes. */
export interface PayOrder {
  pay_request_id: string;
  amount_fen: number;
  auth_code: string;
  store_id: string;
}

export type Reward = OfCampaign['RewardOut'];
export type Draw = OfCampaign['DrawOut'];

/** The payment at the merchant's own door. */
export type Detail = OfPayment['PaymentOut'];

export type Enrolled = device.components['schemas']['EnrolledOut'];

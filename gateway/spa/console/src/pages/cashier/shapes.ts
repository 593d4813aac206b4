/** The requests and responses of the device API, by the names that the cashier uses. */
import type { campaign, device, payment } from '../../api/generated';

type OfPayment = payment.components['schemas'];
type OfCampaign = campaign.components['schemas'];

export type Payment = OfPayment['DevicePaymentOut'];
export type PaymentStatus = Payment['status'];

/** The members of a payment request that the cashier sends. */
export interface PayOrder {
  pay_request_id: string;
  amount_fen: number;
  auth_code: string;
  store_id: string;
}

export type Reward = OfCampaign['RewardOut'];
export type Draw = OfCampaign['DrawOut'];

/** The payment as the merchant's API returns it. */
export type Detail = OfPayment['PaymentOut'];

export type Enrolled = device.components['schemas']['EnrolledOut'];

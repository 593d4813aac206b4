/** Names for the requests and responses of our API, which are generated from docs/openapi. */
import type { binding, edge, order, payment } from './generated';

type Binding = binding.components['schemas'];
type Order = order.components['schemas'];
type Payment = payment.components['schemas'];

// --- sessions and people
export type Session = Binding['SessionOut'];
export type SessionRow = Binding['SessionItemOut'];
export type Role = Binding['Role'];
export type RoleRow = Binding['RoleOut'];
export type StaffRow = Binding['StaffOut'];
export type NewStaff = Binding['StaffCreatedOut'];
export type NewMerchant = Binding['MerchantCreatedOut'];
export type PasswordLink = Binding['LinkOut'];
export type SecondFactorBegun = Binding['SecondFactorBegunOut'];
export type PasskeyRow = Binding['PasskeyOut'];
export type PasskeyProof = Binding['PasskeyProofBody'];
export type ApiKeyRow = Binding['ApiKeyOut'];
export type NewApiKey = Binding['ApiKeyCreatedOut'];
export type Merchant = Binding['MerchantListedOut'];
export type MerchantDetail = Binding['MerchantDetailOut'];
export type MerchantOwner = Binding['MerchantOwnerOut'];
export type MerchantFigures = Order['MerchantFiguresOut'];
export type OwnMerchant = Binding['MerchantShownOut'];
export type MerchantChange = Binding['MerchantChangeBody'];
export type Store = Binding['StoreOut'];
export type ActingGrant = Binding['GrantOut'];
export type OperatorGrant = Binding['OperatorGrantOut'];
export type GrantRequest = Binding['GrantBody'];
export type AuditRow = Binding['AuditOut'];

// --- the binding record and the key doctor
export type AppKey = Binding['AppKeyOut'];
export type RetiringKey = Binding['RetiringKeyOut'];
export type BoundApp = Binding['AppOut'];
export type AppChange = Binding['AppBody'];
export type Finding = Binding['FindingOut'];
export type KeyPair = Binding['KeyPairOut'];
export type PendingChange = Binding['AppChangeOut'];

// --- onboarding
export type OnboardingMap = Binding['OnboardingOut'];
export type OnboardingRow = Binding['RowOut'];
export type RowField = Binding['FieldOut'];

// --- orders
export type Dashboard = Order['DashboardOut'];
export type Totals = Order['TotalsOut'];
export type OrderRow = Order['OrderOut'];
export type OrderDetail = Order['OrderDetailOut'];

// --- payments and their refunds
export type PaymentShown = Payment['PaymentOut'];
export type Refund = Payment['RefundOut'];
export type ListedRefund = Payment['ListedRefundOut'];

// --- notices
export type NoticeRow = Payment['NoticeOut'];
export type NoticeDetail = Payment['NoticeDetailOut'];
export type RefusalRow = Payment['RefusalOut'];

// --- the edge's own endpoint
export type About = edge.components['schemas']['About'];

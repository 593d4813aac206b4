/** All pages: those before the sign-in, and those after it in the order of the menu. A new page
 * is one entry of `PAGES`. */
import {
  ApiOutlined,
  AuditOutlined,
  BankOutlined,
  BellOutlined,
  CompassOutlined,
  FileTextOutlined,
  HomeOutlined,
  MobileOutlined,
  PayCircleOutlined,
  SafetyOutlined,
  ScanOutlined,
  SettingOutlined,
  ShopOutlined,
  TabletOutlined,
  TeamOutlined,
} from '@ant-design/icons';
import type { ReactNode } from 'react';
import type { Console } from '../api/client';
import { type Lazily, lazily } from '../parts/lazily';
import type { TextKey } from '../texts';

interface Label {
  text: TextKey;
  icon?: ReactNode;
}

/** Menu entries that only open others. */
export const GROUPS = {
  miniprogram: { text: 'menu.miniprogram', icon: <MobileOutlined /> },
  'face-pay': { text: 'menu.face_pay', icon: <ScanOutlined /> },
  settings: { text: 'menu.settings', icon: <SettingOutlined /> },
} as const satisfies Record<string, Label>;

export interface Page {
  /** as the router takes it, with `:parameters` */
  path: string;
  page: Lazily<object>;
  /** The consoles that have the page, each with the permissions that show it in the menu: one of
   * them is enough, none means everybody. Only the server decides what a person may do on it. */
  consoles: Partial<Record<Console, string[]>>;
  /** absent: it is reached from another page */
  menu?: Label & { group?: keyof typeof GROUPS };
  /** `g` and this letter open it */
  shortcut?: { letter: string; text: TextKey };
}

/** Pages that depend on the session, not on an address alone (app.tsx). */
export const ENTRY = {
  login: lazily(() => import('./entry/Login')),
  firstRun: lazily(() => import('./entry/FirstRun')),
  insecure: lazily(() => import('./entry/Insecure')),
  choosePassword: lazily(() => import('./entry/ChoosePassword')),
};

const Orders = lazily(() => import('./orders/Orders'));

export const HOME: Page = {
  path: '/',
  page: lazily(() => import('./home/Home')),
  consoles: { merchant: ['orders.read'] },
  menu: { text: 'menu.home', icon: <HomeOutlined /> },
  shortcut: { letter: 'h', text: 'keys.home' },
};

/** The pages that set up a second factor: the only ones for people who must have one and have
 * none. */
export const ACCOUNT: Page = {
  path: '/account',
  page: lazily(() => import('./people/Account')),
  consoles: { merchant: [], operator: [] },
};

export const PAGES: Page[] = [
  HOME,
  {
    path: '/orders',
    page: Orders,
    consoles: { merchant: ['orders.read'] },
    menu: { text: 'menu.orders', icon: <FileTextOutlined /> },
    shortcut: { letter: 'o', text: 'keys.orders' },
  },
  { path: '/orders/:orderNo', page: Orders, consoles: { merchant: [] } },
  {
    path: '/orders/refunds',
    page: lazily(() => import('./orders/Refunds')),
    consoles: { merchant: [] },
  },
  {
    path: '/onboarding',
    page: lazily(() => import('./onboarding/Onboarding')),
    consoles: { merchant: ['apps.read'] },
    menu: { text: 'menu.onboarding', icon: <CompassOutlined /> },
    shortcut: { letter: 'w', text: 'keys.wizard' },
  },
  {
    path: '/miniprogram',
    page: lazily(() => import('./binding/MiniProgram')),
    consoles: { merchant: ['apps.read'] },
    menu: { text: 'menu.miniprogram_config', group: 'miniprogram' },
  },
  {
    path: '/dragonfly',
    page: lazily(() => import('./binding/Dragonfly')),
    consoles: { merchant: ['apps.read'] },
    menu: { text: 'menu.dragonfly', group: 'face-pay' },
  },
  {
    path: '/devices',
    page: lazily(() => import('./devices/Devices')),
    consoles: { merchant: ['devices.read'] },
    menu: { text: 'menu.devices', icon: <TabletOutlined /> },
  },
  {
    path: '/cashier',
    page: lazily(() => import('./cashier/Cashier')),
    consoles: { merchant: ['devices.write'] },
    menu: { text: 'menu.cashier', icon: <PayCircleOutlined /> },
  },
  {
    path: '/stores',
    page: lazily(() => import('./settings/Stores')),
    consoles: { merchant: ['stores.read'] },
    menu: { text: 'menu.stores', icon: <ShopOutlined /> },
  },
  {
    path: '/merchants',
    page: lazily(() => import('./operator/merchants/Merchants')),
    consoles: { operator: ['merchants.read'] },
    menu: { text: 'menu.merchants', icon: <BankOutlined /> },
  },
  {
    path: '/merchants/:merchantId',
    page: lazily(() => import('./operator/merchants/MerchantPage')),
    consoles: { operator: [] },
  },
  {
    path: '/grants',
    page: lazily(() => import('./acting/Grants')),
    consoles: { operator: ['acting.use'] },
    menu: { text: 'menu.grants', icon: <SafetyOutlined /> },
  },
  {
    path: '/notices',
    page: lazily(() => import('./operator/notices/Notices')),
    consoles: { operator: ['notices.read'] },
    menu: { text: 'menu.notices', icon: <BellOutlined /> },
  },
  {
    path: '/notices/refused',
    page: lazily(() => import('./operator/notices/Refusals')),
    consoles: { operator: [] },
  },
  {
    path: '/staff',
    page: lazily(() => import('./people/Staff')),
    consoles: { merchant: ['staff.read'], operator: ['operators.read'] },
    menu: { text: 'menu.staff', icon: <TeamOutlined /> },
  },
  {
    path: '/api-keys',
    page: lazily(() => import('./settings/ApiKeys')),
    consoles: { merchant: ['api_keys.read'] },
    menu: { text: 'menu.api_keys', icon: <ApiOutlined /> },
  },
  {
    path: '/settings/wechat',
    page: lazily(() => import('./settings/Wechat')),
    consoles: { merchant: ['apps.read'] },
    menu: { text: 'menu.wechat', group: 'settings' },
  },
  {
    path: '/settings/merchant',
    page: lazily(() => import('./settings/Merchant')),
    consoles: { merchant: [] },
    menu: { text: 'menu.merchant', group: 'settings' },
  },
  {
    path: '/audit',
    page: lazily(() => import('./audit/Audit')),
    consoles: { merchant: ['audit.read'], operator: ['operators.audit'] },
    menu: { text: 'menu.audit', icon: <AuditOutlined /> },
  },
  ACCOUNT,
];

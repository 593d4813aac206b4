/** The menu of both consoles: what is there, where it leads, and who may see it. */
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
import type { TextKey } from '../texts';

export interface MenuEntry {
  key: string;
  text: TextKey;
  icon?: ReactNode;
  /** any one of them is enough; none: everybody */
  needs?: string[];
  children?: MenuEntry[];
}

const MERCHANT: MenuEntry[] = [
  { key: '/', text: 'menu.home', icon: <HomeOutlined />, needs: ['orders.read'] },
  { key: '/orders', text: 'menu.orders', icon: <FileTextOutlined />, needs: ['orders.read'] },
  { key: '/onboarding', text: 'menu.onboarding', icon: <CompassOutlined />, needs: ['apps.read'] },
  {
    key: 'miniprogram',
    text: 'menu.miniprogram',
    icon: <MobileOutlined />,
    needs: ['apps.read'],
    children: [{ key: '/miniprogram', text: 'menu.miniprogram_config', needs: ['apps.read'] }],
  },
  {
    key: 'face-pay',
    text: 'menu.face_pay',
    icon: <ScanOutlined />,
    needs: ['apps.read'],
    children: [{ key: '/dragonfly', text: 'menu.dragonfly', needs: ['apps.read'] }],
  },
  { key: '/devices', text: 'menu.devices', icon: <TabletOutlined />, needs: ['devices.read'] },
  { key: '/cashier', text: 'menu.cashier', icon: <PayCircleOutlined />, needs: ['devices.write'] },
  { key: '/stores', text: 'menu.stores', icon: <ShopOutlined />, needs: ['stores.read'] },
  { key: '/staff', text: 'menu.staff', icon: <TeamOutlined />, needs: ['staff.read'] },
  { key: '/api-keys', text: 'menu.api_keys', icon: <ApiOutlined />, needs: ['api_keys.read'] },
  {
    key: 'settings',
    text: 'menu.settings',
    icon: <SettingOutlined />,
    children: [
      { key: '/settings/wechat', text: 'menu.wechat', needs: ['apps.read'] },
      { key: '/settings/merchant', text: 'menu.merchant' },
    ],
  },
  { key: '/audit', text: 'menu.audit', icon: <AuditOutlined />, needs: ['audit.read'] },
];

const OPERATOR: MenuEntry[] = [
  { key: '/merchants', text: 'menu.merchants', icon: <BankOutlined />, needs: ['merchants.read'] },
  { key: '/grants', text: 'menu.grants', icon: <SafetyOutlined />, needs: ['acting.use'] },
  { key: '/notices', text: 'menu.notices', icon: <BellOutlined />, needs: ['notices.read'] },
  { key: '/staff', text: 'menu.staff', icon: <TeamOutlined />, needs: ['operators.read'] },
  { key: '/audit', text: 'menu.audit', icon: <AuditOutlined />, needs: ['operators.audit'] },
];

type Can = (...permissions: string[]) => boolean;

function visible(entries: MenuEntry[], can: Can): MenuEntry[] {
  return entries
    .filter((entry) => can(...(entry.needs ?? [])))
    .map((entry) => (entry.children ? { ...entry, children: visible(entry.children, can) } : entry))
    .filter((entry) => !entry.children || entry.children.length > 0);
}

/** What this person sees; an operator who acts for a merchant sees that merchant's menu. */
export function menuFor(console: Console, isActing: boolean, can: Can): MenuEntry[] {
  return visible(console === 'operator' && !isActing ? OPERATOR : MERCHANT, can);
}

/** The first page one may open. */
export function firstPage(entries: MenuEntry[]): string {
  for (const entry of entries) {
    const found = entry.children ? firstPage(entry.children) : entry.key;
    if (found) return found;
  }
  return '/account';
}

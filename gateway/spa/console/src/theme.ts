/** The colours, after the demoiselle's blue-green wings, as antd tokens; every pair has AA
 * contrast. */
import { theme as antd, type ThemeConfig } from 'antd';
import { useSyncExternalStore } from 'react';

export type Appearance = 'system' | 'light' | 'dark';
const KEY = 'damselfly.appearance';

const BASE = {
  // frame.css names the font stacks, once for antd's parts and ours.
  fontFamily: 'var(--type)',
  fontFamilyCode: 'var(--mono)',
  borderRadius: 8,
  controlHeight: 36,
  fontSize: 14,
  motion: !window.matchMedia('(prefers-reduced-motion: reduce)').matches,
} as const;

export const LIGHT: ThemeConfig = {
  cssVar: {},
  hashed: false,
  token: {
    ...BASE,
    colorPrimary: '#0a666d',
    colorInfo: '#0a666d',
    colorLink: '#0a666d',
    colorLinkHover: '#084f55',
    colorSuccess: '#1b7a3d',
    colorWarning: '#8f5a00',
    colorError: '#b8322a',
    colorErrorHover: '#9e2a23',
    // The colour of a selected item in a menu or list; the library's grey would have too little
    // contrast.
    controlItemBgActive: '#dff0ef',
    controlItemBgActiveHover: '#cfe6e5',
    colorBgLayout: '#f3f6f5',
    colorText: '#16211f',
    colorTextSecondary: '#445250',
    colorTextTertiary: '#566361',
    colorTextDescription: '#566361',
    colorTextPlaceholder: '#636e6c',
    colorInfoBg: '#e4f1f1',
    colorInfoBorder: '#a9d0cf',
    colorSuccessBg: '#e4f4e8',
    colorSuccessBorder: '#a8d5b5',
    colorWarningBg: '#fdf2dc',
    colorWarningBorder: '#e8cd95',
    colorErrorBg: '#fcebe9',
    colorErrorBorder: '#eab4ae',
    colorBorder: '#8b9997',
    colorBorderSecondary: '#dfe6e4',
  },
  components: {
    // The word on a switch that is off must be readable, too.
    Switch: { colorTextQuaternary: '#5f6b69', colorTextTertiary: '#4f5b59' },
    Layout: { siderBg: '#ffffff', headerBg: '#ffffff' },
    Menu: { itemSelectedBg: '#dff0ef', itemSelectedColor: '#084f55', itemBorderRadius: 8 },
    Table: {
      headerBg: '#f3f6f5',
      headerColor: '#445250',
      rowHoverBg: '#f3f8f7',
      cellPaddingBlock: 14,
    },
  },
};

export const DARK: ThemeConfig = {
  cssVar: {},
  hashed: false,
  algorithm: antd.darkAlgorithm,
  token: {
    ...BASE,
    colorPrimary: '#5cd1d1',
    colorInfo: '#5cd1d1',
    colorLink: '#6fd6d6',
    colorLinkHover: '#a5e8e6',
    colorSuccess: '#67d08a',
    colorWarning: '#eebb5c',
    colorError: '#f5948a',
    colorErrorHover: '#f8b1a9',
    controlItemBgActive: '#163837',
    controlItemBgActiveHover: '#1d4645',
    colorBgLayout: '#0c1312',
    colorBgContainer: '#131c1b',
    colorBgElevated: '#1a2524',
    colorText: '#e4eeec',
    colorTextSecondary: '#b6c5c2',
    colorTextTertiary: '#9fb0ad',
    colorTextDescription: '#9fb0ad',
    colorTextPlaceholder: '#94a5a2',
    colorTextLightSolid: '#06201f',
    colorInfoBg: '#12302f',
    colorInfoBorder: '#215350',
    colorSuccessBg: '#132c1d',
    colorSuccessBorder: '#24533a',
    colorWarningBg: '#33260d',
    colorWarningBorder: '#5c4619',
    colorErrorBg: '#391a17',
    colorErrorBorder: '#6a332e',
    colorBorder: '#5c6e6b',
    colorBorderSecondary: '#26322f',
  },
  components: {
    // The word on a switch that is off must be readable, too.
    Switch: { colorTextQuaternary: '#94a5a2', colorTextTertiary: '#a9b8b5' },
    Layout: { siderBg: '#131c1b', headerBg: '#131c1b' },
    Menu: { itemSelectedBg: '#163837', itemSelectedColor: '#a5e8e6', itemBorderRadius: 8 },
    Table: {
      headerBg: '#192423',
      headerColor: '#b6c5c2',
      rowHoverBg: '#182321',
      cellPaddingBlock: 14,
    },
    Tooltip: { colorTextLightSolid: '#e4eeec', colorBgSpotlight: '#2b3937' },
  },
};

const listeners = new Set<() => void>();
const systemDark = window.matchMedia('(prefers-color-scheme: dark)');
systemDark.addEventListener('change', () => {
  for (const tell of listeners) tell();
});

function appearance(): Appearance {
  const kept = localStorage.getItem(KEY);
  return kept === 'light' || kept === 'dark' ? kept : 'system';
}

function isDark(): boolean {
  const wanted = appearance();
  return wanted === 'dark' || (wanted === 'system' && systemDark.matches);
}

export function chooseAppearance(wanted: Appearance): void {
  localStorage.setItem(KEY, wanted);
  for (const tell of listeners) tell();
}

/** The present theme; follows the system unless one was chosen. */
export function useTheme(): { config: ThemeConfig; isDark: boolean; wanted: Appearance } {
  const subscribe = (tell: () => void) => {
    listeners.add(tell);
    return () => listeners.delete(tell);
  };
  const wanted = useSyncExternalStore(subscribe, appearance);
  const dark = useSyncExternalStore(subscribe, isDark);
  document.documentElement.dataset.theme = dark ? 'dark' : 'light';
  return { config: dark ? DARK : LIGHT, isDark: dark, wanted };
}

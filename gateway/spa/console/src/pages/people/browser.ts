/** A readable name of a browser, from its user agent: "Chrome on Windows". */
import type { T } from '../../texts';

/** The first match applies: many browsers also contain the names of others. */
const BROWSERS: [RegExp, string][] = [
  [/MicroMessenger\//, 'WeChat'],
  [/AlipayClient\//, 'Alipay'],
  [/\bEdgA?(?:iOS)?\//, 'Edge'],
  [/\bOPR\//, 'Opera'],
  [/\bFirefox\/|\bFxiOS\//, 'Firefox'],
  [/\bUCBrowser\//, 'UC'],
  [/\bQQBrowser\//, 'QQ'],
  [/\bHuaweiBrowser\//, 'Huawei'],
  [/\bSamsungBrowser\//, 'Samsung'],
  [/\bChrome\/|\bCriOS\/|\bHeadlessChrome\//, 'Chrome'],
  [/\bSafari\//, 'Safari'],
];
const SYSTEMS: [RegExp, string][] = [
  [/HarmonyOS|OpenHarmony/, 'HarmonyOS'],
  [/Windows/, 'Windows'],
  [/iPhone/, 'iPhone'],
  [/iPad/, 'iPad'],
  [/Android/, 'Android'],
  [/Macintosh|Mac OS X/, 'Mac'],
  [/CrOS/, 'ChromeOS'],
  [/Linux/, 'Linux'],
];

export function browserText(t: T, userAgent: string | null | undefined): string {
  if (!userAgent) return t('browser.unknown');
  const found = (list: [RegExp, string][]) => list.find(([form]) => form.test(userAgent))?.[1];
  const [browser, system] = [found(BROWSERS), found(SYSTEMS)];
  if (browser && system) return t('browser.on', { browser, system });
  return browser ?? (system ? t('browser.some_on', { system }) : t('browser.unknown'));
}

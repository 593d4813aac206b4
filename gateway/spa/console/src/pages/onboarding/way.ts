/** What a row says: as the server tells it, of the real Alipay; in the sandbox what is there instead. */
import type { OnboardingRow } from '../../api/shapes';
import { useSandboxPage } from '../../parts/sandbox';
import { isText, type TextKey, useText } from '../../texts';

export function useWay() {
  const { t, either } = useText();
  const isSandbox = useSandboxPage() !== null;
  const inSandbox = (group: string, code: string | null): string => {
    const key = `${group}.${code}`;
    return isSandbox && code && isText(key) ? t(key as TextKey) : '';
  };
  return {
    /** how it is done in the sandbox; empty where it is done alike, and at the real Alipay */
    here: (row: OnboardingRow) => inSandbox('sandbox_way', row.code),
    help: (row: OnboardingRow) => either(row.help_zh, row.help_en),
    remedy: (row: OnboardingRow) =>
      inSandbox('sandbox_fix', row.remedy) || either(row.remedy_zh, row.remedy_en),
  };
}

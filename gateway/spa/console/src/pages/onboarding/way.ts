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
  const isToDo = ({ state }: OnboardingRow) => state === 'todo' || state === 'failed';
  return {
    /** whether it is done in another way in the sandbox, where we are */
    isOther: (row: OnboardingRow) => inSandbox('sandbox_way', row.code) !== '',
    /** what one does for it in the sandbox now; empty where it is done alike, at the real Alipay,
     * and while there is nothing to do */
    here: (row: OnboardingRow) => {
      if (row.state === 'running') return inSandbox('sandbox_wait', row.code);
      return isToDo(row) ? inSandbox('sandbox_way', row.code) : '';
    },
    help: (row: OnboardingRow) => either(row.help_zh, row.help_en),
    remedy: (row: OnboardingRow) =>
      inSandbox('sandbox_fix', row.remedy) || either(row.remedy_zh, row.remedy_en),
  };
}

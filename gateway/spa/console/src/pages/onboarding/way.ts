/** The instructions of a row: the server's for the real Alipay, and others in the sandbox. */
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
    /** whether the work is done in another way in the sandbox, and this is the sandbox */
    isOther: (row: OnboardingRow) => inSandbox('sandbox_way', row.code) !== '',
    /** the instructions for the sandbox now; empty if they are the same, at the real Alipay, and
     * while there is nothing to do */
    here: (row: OnboardingRow) => {
      if (row.state === 'running') return inSandbox('sandbox_wait', row.code);
      return isToDo(row) ? inSandbox('sandbox_way', row.code) : '';
    },
    help: (row: OnboardingRow) => either(row.help_zh, row.help_en),
    remedy: (row: OnboardingRow) =>
      inSandbox('sandbox_fix', row.remedy) || either(row.remedy_zh, row.remedy_en),
  };
}

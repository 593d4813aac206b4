/** Short words after an action: done, or why not. */
import { ApiProblem } from '@shared/problem';
import { App } from 'antd';
import { useMemo } from 'react';
import { useText } from '../texts';

export interface Say {
  done: (text?: string) => void;
  failed: (error: unknown) => void;
}

export function useSay(): Say {
  const { message, notification } = App.useApp();
  const { t, language } = useText();
  return useMemo(
    () => ({
      done: (text) => {
        message.success(text ?? t('saved'));
      },
      failed: (error) => {
        const problem = error instanceof ApiProblem ? error : null;
        const faults = problem?.body.errors ?? [];
        notification.error({
          title: problem ? problem.titleIn(language) : t('error.save'),
          description: faults.length
            ? faults.map((one) => `${one.pointer.split('/').pop()}: ${one.message}`).join('\n')
            : (problem?.body.detail ?? (problem ? '' : String(error))),
          duration: 8,
        });
      },
    }),
    [message, notification, t, language],
  );
}

/** Short messages after an action: it succeeded, or why not. */
import { ApiProblem, type Fault } from '@shared/problem';
import { App } from 'antd';
import { useMemo } from 'react';
import { OutcomeUnknown } from '../api/client';
import { useText } from '../texts';
import { faultText, problemText } from './words';

interface Say {
  done: (text: string) => void;
  /** it was not done, or the outcome is unknown; stays long enough to be read */
  warned: (text: string) => void;
  failed: (error: unknown) => void;
  /** a refusal of which only these faults are not shown elsewhere */
  refused: (error: ApiProblem, faults: Fault[]) => void;
}

export function useSay(): Say {
  const { message, notification } = App.useApp();
  const { t, language } = useText();
  return useMemo(() => {
    const notify = (title: string, faults: Fault[]) => {
      const texts = new Set(faults.map((one) => faultText(t, language, one)));
      notification.error({ title, description: [...texts].join('\n'), duration: 8 });
    };
    return {
      done: (text) => {
        message.success(text);
      },
      warned: (title) => {
        notification.warning({ title, duration: 8 });
      },
      failed: (error) => {
        if (!(error instanceof ApiProblem)) notify(t('error.save'), []);
        else if (error instanceof OutcomeUnknown) {
          notification.warning({ title: problemText(t, language, error), duration: 8 });
        } else notify(problemText(t, language, error), error.body.errors ?? []);
      },
      refused: (error, faults) => notify(problemText(t, language, error), faults),
    };
  }, [message, notification, t, language]);
}

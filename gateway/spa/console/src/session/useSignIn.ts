/** Password, then the second factor: one flow, for the sign-in page and for signing in over a
 * page. */
import { ApiProblem } from '@shared/problem';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import type { Console } from '../api/client';
import type { PasskeyProof } from '../api/shapes';
import { useText } from '../texts';
import {
  PasskeyFault,
  proveByPasskey,
  type SecondFactorNeeded,
  secondFactorNeeded,
} from './passkey';
import { refusalText } from './refusalText';
import { signIn } from './session';

/** The login and the console. */
interface Entrant {
  console: Console;
  login: string;
  password: string;
}

type Factor = { code?: string | undefined } | { passkey: PasskeyProof };

/** The text about a passkey that was checked and refused. */
const REFUSED = new Set(['auth.wrong_passkey', 'auth.passkey_late', 'auth.passkey_copied']);

const codeOf = (error: unknown) => (error instanceof ApiProblem ? error.code : '');

const inWords = (factor: Factor) =>
  'passkey' in factor ? factor : factor.code ? { code: factor.code.trim() } : {};

/** What is needed now: "open": nothing, there is a session; null: the password again. */
async function askAgain({
  console,
  login,
  password,
}: Entrant): Promise<SecondFactorNeeded | 'open' | null> {
  try {
    await signIn(console, login, password);
  } catch (error) {
    return secondFactorNeeded(error);
  }
  return 'open';
}

/** The result of the last try. */
function useResult() {
  const { t, language } = useText();
  const [needed, setNeeded] = useState<SecondFactorNeeded | null>(null);
  const [fault, setFault] = useState('');
  const [isWrong, setWrong] = useState(false);
  const clear = () => {
    setFault('');
    setWrong(false);
  };
  const refused = (error: unknown) => {
    const needed = secondFactorNeeded(error);
    setWrong(codeOf(error) === 'auth.bad_credentials');
    if (needed) setNeeded(needed);
    else setFault(refusalText(t, language, error));
  };
  return { needed, setNeeded, fault, setFault, isWrong, clear, refused };
}

export function useSignIn(onOpen: () => void = () => undefined) {
  const { t } = useText();
  const queries = useQueryClient();
  const { needed, setNeeded, fault, setFault, isWrong, clear, refused } = useResult();
  const [isBusy, setBusy] = useState(false);

  const opened = async () => {
    onOpen();
    await queries.invalidateQueries({ queryKey: ['who'] });
  };

  const enter = async (entrant: Entrant, factor: Factor = {}) => {
    setBusy(true);
    clear();
    try {
      await signIn(entrant.console, entrant.login, entrant.password, inWords(factor));
      await opened();
    } catch (error) {
      refused(error);
      // A refused passkey has used up its challenge, so another try needs a new one. After any
      // other failure (throttled, no network) one more sign-in would only make it worse.
      if ('passkey' in factor && REFUSED.has(codeOf(error))) {
        const again = await askAgain(entrant);
        // There is a session after all, because the second factor was removed meanwhile.
        if (again === 'open') await opened();
        else setNeeded(again);
      }
    } finally {
      setBusy(false);
    }
  };

  /** Signs in with a passkey. */
  const prove = async (entrant: Entrant) => {
    setFault('');
    try {
      const passkey = await proveByPasskey(needed?.passkey ?? {});
      await enter(entrant, { passkey });
    } catch (error) {
      if (!(error instanceof PasskeyFault)) throw error;
      setFault(t(error.key));
    }
  };

  return {
    needed,
    fault,
    /** wrong login or password */
    isWrong,
    isBusy,
    enter,
    prove,
    /** perhaps the second factor of another person */
    forgetFactor: () => setNeeded(null),
    forget: () => {
      setNeeded(null);
      clear();
    },
  };
}

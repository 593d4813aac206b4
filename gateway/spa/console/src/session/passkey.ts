/** Passkeys in the browser: creating one, signing with one, and the reasons why that fails. */
import { ApiProblem } from '@shared/problem';
import type { PasskeyProof } from '../api/shapes';
import type { TextKey } from '../texts';

type Options = Record<string, unknown>;

interface PasskeyMade {
  credential_id: string;
  client_data: string;
  attestation: string;
  transports: string[];
}

/** The reason why there is no passkey in the end; `key` is its text. */
export class PasskeyFault extends Error {
  constructor(readonly key: TextKey) {
    super(key);
  }
}

/** What makes passkeys impossible here; null: nothing. */
export function passkeyHindrance(): TextKey | null {
  if (!window.isSecureContext) return 'passkey.insecure';
  const type = window.PublicKeyCredential as typeof PublicKeyCredential | undefined;
  return type?.parseRequestOptionsFromJSON ? null : 'passkey.unsupported';
}

const FAULTS: Record<string, TextKey> = {
  NotAllowedError: 'passkey.cancelled',
  AbortError: 'passkey.cancelled',
  InvalidStateError: 'passkey.known',
  SecurityError: 'passkey.elsewhere',
  NotSupportedError: 'passkey.unsupported',
  ConstraintError: 'passkey.unverified',
};

async function credentialOf<T>(ceremony: () => Promise<Credential | null>): Promise<T> {
  const hindrance = passkeyHindrance();
  if (hindrance) throw new PasskeyFault(hindrance);
  try {
    const made = await ceremony();
    if (!made) throw new PasskeyFault('passkey.cancelled');
    return (made as PublicKeyCredential).toJSON() as T;
  } catch (error) {
    if (error instanceof PasskeyFault) throw error;
    const name = error instanceof Error ? error.name : '';
    throw new PasskeyFault(FAULTS[name] ?? 'passkey.failed');
  }
}

/** Creates a passkey with the server's options, in the form that the server takes. */
export async function makePasskey(options: Options): Promise<PasskeyMade> {
  const made = await credentialOf<{
    id: string;
    response: { clientDataJSON: string; attestationObject: string; transports?: string[] };
  }>(() =>
    navigator.credentials.create({
      publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(
        options as unknown as PublicKeyCredentialCreationOptionsJSON,
      ),
    }),
  );
  return {
    credential_id: made.id,
    client_data: made.response.clientDataJSON,
    attestation: made.response.attestationObject,
    transports: made.response.transports ?? [],
  };
}

/** Signs with a passkey of this person, for the server. */
export async function proveByPasskey(options: Options): Promise<PasskeyProof> {
  const made = await credentialOf<{
    id: string;
    response: {
      clientDataJSON: string;
      authenticatorData: string;
      signature: string;
      userHandle?: string | null;
    };
  }>(() =>
    navigator.credentials.get({
      publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(
        options as unknown as PublicKeyCredentialRequestOptionsJSON,
      ),
    }),
  );
  const { clientDataJSON, authenticatorData, signature, userHandle } = made.response;
  return {
    credential_id: made.id,
    client_data: clientDataJSON,
    authenticator_data: authenticatorData,
    signature,
    ...(userHandle ? { user_handle: userHandle } : {}),
  };
}

/** The second step that the sign-in requires after a right password; null: the error is another
 * one. */
export interface SecondFactorNeeded {
  methods: string[];
  passkey: Options | null;
}

export function secondFactorNeeded(error: unknown): SecondFactorNeeded | null {
  if (!(error instanceof ApiProblem) || error.code !== 'auth.code_needed') return null;
  const body = error.body as { methods?: string[]; passkey?: Options };
  return { methods: body.methods ?? ['code'], passkey: body.passkey ?? null };
}

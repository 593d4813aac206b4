/** What the browser does with a passkey: has one made, has something signed, and why it would not. */
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

/** Why there is no passkey in the end; `key` says it to a person. */
export class PasskeyFault extends Error {
  constructor(readonly key: TextKey) {
    super(key);
  }
}

/** What stands in the way before anybody is asked; null: nothing. */
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

async function asked<T>(ceremony: () => Promise<Credential | null>): Promise<T> {
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

/** By the options that the server gave, as the server takes it. */
export async function makePasskey(options: Options): Promise<PasskeyMade> {
  const told = await asked<{
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
    credential_id: told.id,
    client_data: told.response.clientDataJSON,
    attestation: told.response.attestationObject,
    transports: told.response.transports ?? [],
  };
}

/** What a passkey of this person signs for the server. */
export async function proveByPasskey(options: Options): Promise<PasskeyProof> {
  const told = await asked<{
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
  const { clientDataJSON, authenticatorData, signature, userHandle } = told.response;
  return {
    credential_id: told.id,
    client_data: clientDataJSON,
    authenticator_data: authenticatorData,
    signature,
    ...(userHandle ? { user_handle: userHandle } : {}),
  };
}

/** What the sign-in asks for behind a right password; null: the error is something else. */
export interface SecondFactorNeeded {
  methods: string[];
  passkey: Options | null;
}

export function secondFactorNeeded(error: unknown): SecondFactorNeeded | null {
  if (!(error instanceof ApiProblem) || error.code !== 'auth.code_needed') return null;
  const body = error.body as { methods?: string[]; passkey?: Options };
  return { methods: body.methods ?? ['code'], passkey: body.passkey ?? null };
}

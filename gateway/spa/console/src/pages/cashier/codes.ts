/** The codes that a buyer shows: a face token, or the code on the phone. */

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const DIGITS = '0123456789';
const FACE_CHARS = 33;
const CODE_DIGITS = 16;
const ALIPAY_CODE = /^(?:2[5-9]|30)\d{14,22}$/;
const WECHAT_CODE = /^1[0-5]\d{16}$/;

function random(alphabet: string, length: number): string {
  // Bytes beyond the last whole multiple of the alphabet are dropped, so that all letters are
  // equally likely.
  const fair = 256 - (256 % alphabet.length);
  let found = '';
  while (found.length < length) {
    for (const byte of crypto.getRandomValues(new Uint8Array(length))) {
      if (byte < fair && found.length < length) found += alphabet[byte % alphabet.length];
    }
  }
  return found;
}

/** A face token as a device's SDK would return it: valid for one payment, in the sandbox only. */
export const madeUpFace = () => `fp${random(LETTERS, FACE_CHARS)}`;

/** The code that a sandbox buyer's phone would show. */
export const madeUpCode = () => `28${random(DIGITS, CODE_DIGITS)}`;

/** A scanner may add blanks or a line end; people group the digits. */
export const tidyCode = (typed: string) => typed.replace(/\s+/g, '');

type CodeFault = 'cashier.code_missing' | 'cashier.code_wechat' | 'cashier.code_odd';

/** What is wrong with a typed or scanned code; null: nothing. */
export function codeFault(typed: string): CodeFault | null {
  const code = tidyCode(typed);
  if (!code) return 'cashier.code_missing';
  if (WECHAT_CODE.test(code)) return 'cashier.code_wechat';
  return ALIPAY_CODE.test(code) ? null : 'cashier.code_odd';
}

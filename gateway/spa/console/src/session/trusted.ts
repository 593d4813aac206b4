/** Whether the browser trusts where the page comes from: https, or this machine itself. */
export function isTrusted(): boolean {
  return window.isSecureContext !== false;
}

/** Whether the browser trusts the page's origin: https, or this machine itself. */
export function isTrusted(): boolean {
  return window.isSecureContext !== false;
}

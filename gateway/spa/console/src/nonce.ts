/** Lets libraries add <style> elements under our content security policy: the edge writes a
 * nonce into the page, and every style element made here carries it. Scripts get no such
 * exception. */
const carrier = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]');
export const nonce = carrier?.nonce || carrier?.getAttribute('nonce') || '';

if (nonce) {
  const create = document.createElement.bind(document);
  document.createElement = ((name: string, options?: ElementCreationOptions) => {
    const made = create(name, options);
    if (made instanceof HTMLStyleElement) made.nonce = nonce;
    return made;
  }) as typeof document.createElement;
}

/** Copied text brings blanks and line ends along. When it fills a whole field, they are removed
 * before the field's maximum length would cut it. Passwords are taken unchanged. */

type Field = HTMLInputElement | HTMLTextAreaElement;

function fieldOf(target: EventTarget | null): Field | null {
  if (target instanceof HTMLTextAreaElement) return target;
  const isText = target instanceof HTMLInputElement && /^(text|search|tel|url)$/.test(target.type);
  return isText ? target : null;
}

export function trimPastes(): void {
  document.addEventListener(
    'paste',
    (event) => {
      const field = fieldOf(event.target);
      const given = event.clipboardData?.getData('text') ?? '';
      const bare = given.trim();
      if (!field || bare === given || field.readOnly || field.disabled) return;
      const isWhole = field.selectionStart === 0 && field.selectionEnd === field.value.length;
      if (!isWhole) return;
      event.preventDefault();
      // Through the browser's own editing command, so that it can be undone and React notices it.
      if (document.execCommand('insertText', false, bare)) return;
      field.setRangeText(bare, 0, field.value.length, 'end');
      field.dispatchEvent(new Event('input', { bubbles: true }));
    },
    { capture: true },
  );
}

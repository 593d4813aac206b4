/** A dialog: the first field has the cursor, and content that is shown once is not closed by
 * accident. */
import { App, Modal, type ModalProps } from 'antd';
import { useEffect, useRef } from 'react';
import { useText } from '../../texts';

const FIELD = [
  'input:not([type=hidden]):not([disabled]):not([readonly])',
  'textarea:not([disabled])',
].join(',');

const FRAMES_MAX = 30;

/** As soon as it is visible; its layout is ready some frames after it was opened. */
function useFirstFocus(isOpen: boolean) {
  const inside = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!isOpen) return undefined;
    let frames = 0;
    let next = 0;
    const look = () => {
      const field = inside.current?.querySelector<HTMLElement>(FIELD);
      field?.focus();
      frames += 1;
      const isDone = inside.current && (!field || document.activeElement === field);
      if (!isDone && frames < FRAMES_MAX) next = requestAnimationFrame(look);
    };
    next = requestAnimationFrame(look);
    return () => cancelAnimationFrame(next);
  }, [isOpen]);
  return inside;
}

export function Window({
  isOnce = false,
  onCancel,
  children,
  ...rest
}: ModalProps & {
  /** it has content that cannot be shown again: closing it has to be confirmed */
  isOnce?: boolean;
  onCancel: () => void;
}) {
  const { t } = useText();
  const { modal } = App.useApp();
  const inside = useFirstFocus(rest.open === true);
  const isAsking = useRef(false);
  const leave = () => {
    if (!isOnce) return onCancel();
    if (isAsking.current) return undefined;
    isAsking.current = true;
    modal.confirm({
      title: t('once.title'),
      content: t('once.hint'),
      okText: t('once.leave'),
      okButtonProps: { danger: true },
      cancelText: t('once.stay'),
      focusable: { autoFocusButton: 'cancel' },
      zIndex: 1300,
      onOk: onCancel,
      afterClose: () => {
        isAsking.current = false;
      },
    });
    return undefined;
  };
  return (
    <Modal
      destroyOnHidden
      closable={{ 'aria-label': t('do.close') }}
      mask={{ closable: false }}
      {...rest}
      onCancel={leave}
    >
      <div ref={inside}>{children}</div>
    </Modal>
  );
}

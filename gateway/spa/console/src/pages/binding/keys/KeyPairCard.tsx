/** Makes a key pair on the server and shows only the public key, which Alipay needs. */

import { chinaTime, ZONE } from '@shared/time';
import { useMutation } from '@tanstack/react-query';
import { Alert, Button, Popconfirm, QRCode } from 'antd';
import { post } from '../../../api/client';
import type { KeyPair } from '../../../api/shapes';
import { CopyButton, Id } from '../../../parts/bits';
import { useSay } from '../../../parts/say';
import { useText } from '../../../texts';

/** The most characters of a QR code at its lowest level of error correction. */
const QR_MAX = 2000;

export function PublicKey({ text, title }: { text: string; title: string }) {
  const { t } = useText();
  return (
    <div className="stack">
      <div className="row">
        <strong>{title}</strong>
        <CopyButton text={text} label={title} />
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must take the focus */}
      <section className="keybox mono" tabIndex={0} aria-label={title} data-verbatim>
        {text}
      </section>
      {text.length <= QR_MAX ? (
        <details>
          <summary>{t('bind.qr')}</summary>
          <div className="qr" aria-hidden="true">
            <QRCode
              value={text}
              type="svg"
              size={220}
              errorLevel="L"
              bordered={false}
              color="#16211f"
              bgColor="#fff"
            />
          </div>
        </details>
      ) : null}
    </div>
  );
}

export function KeyPairCard({
  pair,
  isAnswered = false,
  onMade,
}: {
  pair: KeyPair | null;
  /** Alipay's own key is given already, so nothing has to be copied to Alipay any more */
  isAnswered?: boolean;
  onMade: (pair: KeyPair) => void;
}) {
  const { t } = useText();
  const say = useSay();
  const make = useMutation({
    mutationFn: () => post('/api/merchant/v1/apps/key-pairs', {}),
    onSuccess: onMade,
    onError: say.failed,
  });
  if (!pair) {
    return (
      <Button onClick={() => make.mutate()} loading={make.isPending}>
        {t('bind.generate_go')}
      </Button>
    );
  }
  return (
    <div className="stack">
      <Alert
        type="success"
        showIcon
        title={t(isAnswered ? 'bind.generated_filled' : 'bind.generated', {
          at: chinaTime(pair.created_at),
          until: `${chinaTime(pair.expires_at)} ${ZONE}`,
        })}
      />
      <PublicKey text={pair.app_public_key} title={t('bind.app_public_key')} />
      <div className="row">
        <span className="soft">{t('bind.fingerprint')}</span>
        <Id value={pair.fingerprint} label={t('bind.fingerprint')} />
        <span className="soft">{t('bind.bits', { bits: pair.bits })}</span>
      </div>
      <div>
        <Popconfirm
          title={t('bind.generate_anew_sure')}
          okText={t('bind.generate_anew')}
          cancelText={t('do.cancel')}
          onConfirm={() => make.mutate()}
        >
          <Button size="small" loading={make.isPending}>
            {t('bind.generate_anew')}
          </Button>
        </Popconfirm>
      </div>
    </div>
  );
}

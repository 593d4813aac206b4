/** The key fields of the binding form: the origin of the private key, and Alipay's keys. */
import { UploadOutlined } from '@ant-design/icons';
import { chinaTime } from '@shared/time';
import { Alert, Button, Form, Grid, Input, Segmented } from 'antd';
import { useRef } from 'react';
import type { BoundApp, KeyPair } from '../../api/shapes';
import { type TextKey, useText } from '../../texts';
import type { Draft, KeySource } from './draft';
import { KeyPairCard } from './keys/KeyPairCard';

const QUIET = { autoComplete: 'off', spellCheck: false, className: 'mono' } as const;
const CERTIFICATE_MAX_BYTES = 64 * 1024;

function CertificateField({
  name,
  text,
  onFilled,
}: {
  name: keyof Draft;
  text: TextKey;
  onFilled: () => void;
}) {
  const { t } = useText();
  const form = Form.useFormInstance<Draft>();
  const picker = useRef<HTMLInputElement>(null);
  return (
    <div>
      <Form.Item
        name={name}
        label={t(text)}
        extra={t('bind.cert_hint')}
        style={{ marginBottom: 8 }}
      >
        <Input.TextArea rows={3} {...QUIET} />
      </Form.Item>
      <input
        ref={picker}
        type="file"
        accept=".crt,.cer,.pem"
        style={{ display: 'none' }}
        aria-label={t(text)}
        onChange={async (event) => {
          const file = event.target.files?.[0];
          event.target.value = '';
          if (!file || file.size > CERTIFICATE_MAX_BYTES) return;
          form.setFieldValue(name, await file.text());
          onFilled();
        }}
      />
      <Form.Item>
        <Button icon={<UploadOutlined />} onClick={() => picker.current?.click()}>
          {t('bind.pick_file')}
          <span className="soft small">{t(text)}</span>
        </Button>
      </Form.Item>
    </div>
  );
}

interface Props {
  app: BoundApp | null;
  pair: KeyPair | null;
  onPair: (pair: KeyPair) => void;
  onPasted: () => void;
  /** a click has filled in something */
  onFilled: () => void;
}

/** A pair that was made and not used yet. */
function PairWaits({ pair, onUsed }: { pair: KeyPair; onUsed: () => void }) {
  const { t } = useText();
  const form = Form.useFormInstance<Draft>();
  return (
    <Form.Item>
      <Alert
        type="info"
        showIcon
        title={t('bind.pair_waits', { at: chinaTime(pair.created_at) })}
        action={
          <Button
            onClick={() => {
              form.setFieldValue('source', 'generate');
              onUsed();
            }}
          >
            {t('bind.pair_use')}
          </Button>
        }
      />
    </Form.Item>
  );
}

function PrivateKeyFields({ app, pair, onPair, onPasted, onFilled }: Props) {
  const { t } = useText();
  const isNarrow = Grid.useBreakpoint().sm === false;
  const source = Form.useWatch<KeySource>('source') ?? (app ? 'keep' : 'generate');
  const answer = Form.useWatch<string>('alipay_public_key') ?? '';
  const theirs = app === null || answer !== app.key.alipay_public_key ? answer : '';
  const sources: { value: KeySource; label: string }[] = [
    ...(app ? [{ value: 'keep' as const, label: t('bind.keep') }] : []),
    { value: 'generate', label: t('bind.generate') },
    { value: 'paste', label: t('bind.paste') },
  ];
  return (
    <>
      <Form.Item
        name="source"
        label={t('bind.private_key')}
        {...(app && source !== 'keep' ? { extra: t('bind.overlap') } : {})}
      >
        <Segmented<KeySource>
          options={sources}
          vertical={isNarrow}
          name="source"
          aria-label={t('bind.key_source')}
        />
      </Form.Item>
      {pair && source === 'keep' ? <PairWaits pair={pair} onUsed={onFilled} /> : null}
      {source === 'generate' ? (
        <Form.Item>
          <KeyPairCard pair={pair} isAnswered={theirs.trim() !== ''} onMade={onPair} />
        </Form.Item>
      ) : null}
      {source === 'paste' ? (
        <Form.Item
          name="app_private_key"
          label={t('bind.private_key')}
          extra={t('bind.private_key_hint')}
          rules={[
            { required: true, message: t('field.required', { label: t('bind.private_key') }) },
          ]}
        >
          <Input.TextArea rows={5} {...QUIET} onBlur={onPasted} />
        </Form.Item>
      ) : null}
    </>
  );
}

function AlipayFields({ onPasted, onFilled }: Pick<Props, 'onPasted' | 'onFilled'>) {
  const { t } = useText();
  const mode = Form.useWatch<Draft['mode']>('mode') ?? 'key';
  return (
    <>
      <Form.Item name="mode" label={t('bind.mode')}>
        <Segmented<Draft['mode']>
          name="mode"
          aria-label={t('bind.mode')}
          options={[
            { value: 'key', label: t('bind.mode_key') },
            { value: 'cert', label: t('bind.mode_cert') },
          ]}
        />
      </Form.Item>
      {mode === 'key' ? (
        <Form.Item
          name="alipay_public_key"
          label={t('bind.alipay_key')}
          extra={t('bind.alipay_key_hint')}
          rules={[
            { required: true, message: t('field.required', { label: t('bind.alipay_key') }) },
          ]}
        >
          <Input.TextArea rows={5} {...QUIET} onBlur={onPasted} />
        </Form.Item>
      ) : (
        <>
          <CertificateField name="app_cert" text="bind.app_cert" onFilled={onFilled} />
          <CertificateField name="alipay_cert" text="bind.alipay_cert" onFilled={onFilled} />
          <CertificateField name="alipay_root_cert" text="bind.root_cert" onFilled={onFilled} />
        </>
      )}
    </>
  );
}

export function KeyFields(props: Props) {
  return (
    <>
      <PrivateKeyFields {...props} />
      <AlipayFields onPasted={props.onPasted} onFilled={props.onFilled} />
    </>
  );
}

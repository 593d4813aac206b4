/** In the sandbox: creates an application to bind with one click, or shows how to make one by
 * hand. */
import { useMutation } from '@tanstack/react-query';
import { Alert, Button, Form } from 'antd';
import { post } from '../../api/client';
import type { KeyPair } from '../../api/shapes';
import { SandboxLink, useSandboxPage } from '../../parts/sandbox';
import { useSay } from '../../parts/say';
import { useText } from '../../texts';
import type { Draft } from './draft';

interface Props {
  pair: KeyPair | null;
  onPair: (pair: KeyPair) => void;
  /** Called after the fields were filled, with the key pair that they belong to. */
  onFilled: (pair: KeyPair) => void;
}

export function SandboxApp({ pair, onPair, onFilled }: Props) {
  const { t } = useText();
  const say = useSay();
  const form = Form.useFormInstance<Draft>();
  const isSandbox = useSandboxPage() !== null;
  // The next step is to save, so this button is not the primary one any more.
  const isFilled = Boolean(Form.useWatch('alipay_public_key', form)?.trim());
  const ask = useMutation({
    mutationFn: async () => {
      const own = pair ?? (await post('/api/merchant/v1/apps/key-pairs', {}));
      // Stored at once, so that a retry after a failure uses the same pair.
      onPair(own);
      const app = await post('/api/merchant/v1/sandbox/apps', { key_pair_id: own.key_pair_id });
      return { app, own };
    },
    onSuccess: ({ app, own }) => {
      form.setFieldsValue({ ...app, source: 'generate', mode: 'key' });
      void form.validateFields(['app_id', 'seller_id', 'alipay_public_key']);
      say.done(t('sandbox.app_got', { app_id: app.app_id }));
      onFilled(own);
    },
    onError: say.failed,
  });
  if (!isSandbox) return null;
  return (
    <Form.Item>
      <Alert
        type="info"
        showIcon
        title={t('sandbox.app_title')}
        description={
          <div className="stack">
            <span>{t('sandbox.app_lead')}</span>
            <div className="row">
              <Button
                type={isFilled ? 'default' : 'primary'}
                loading={ask.isPending}
                onClick={() => ask.mutate()}
              >
                {t('sandbox.app_get')}
              </Button>
              <SandboxLink tab="platform" />
            </div>
          </div>
        }
      />
    </Form.Item>
  );
}

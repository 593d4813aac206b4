/** S118: 系统设置 > 微信小程序. Keys go in and never come out. */
import { Form, Input, Switch } from 'antd';
import { get, put } from '../../api/client';
import type { WechatSettings } from '../../api/shapes';
import { useRequired } from '../../parts/useRequired';
import { useSession } from '../../session/session';
import { useText } from '../../texts';
import { SettingsForm } from './SettingsForm';

interface Entry {
  enabled: boolean;
  mch_id: string;
  app_id: string;
  cert_serial: string;
  api_v3_key?: string;
  private_key?: string;
}

const QUIET = { autoComplete: 'off', spellCheck: false, className: 'mono' } as const;

export default function Wechat() {
  const { t } = useText();
  const { can } = useSession();
  const required = useRequired();
  const state = (has: boolean) =>
    t('wechat.write_only', { state: t(has ? 'bind.has' : 'bind.has_not') });
  return (
    <SettingsForm<WechatSettings, Entry>
      title={t('wechat.title')}
      lead={t('wechat.lead')}
      queryKey="wechat"
      load={() => get('/api/merchant/v1/settings/wechat')}
      initial={({ enabled, mch_id, app_id, cert_serial }) => ({
        enabled,
        mch_id,
        app_id,
        cert_serial,
      })}
      save={({ api_v3_key, private_key, ...plain }, { version }) =>
        put('/api/merchant/v1/settings/wechat', {
          ...plain,
          version,
          ...(api_v3_key ? { api_v3_key } : {}),
          ...(private_key ? { private_key } : {}),
        })
      }
      mayWrite={can('settings.write')}
    >
      {(shape) => (
        <>
          <Form.Item name="enabled" label={t('wechat.enabled')} valuePropName="checked">
            <Switch checkedChildren={t('bind.on')} unCheckedChildren={t('bind.off')} />
          </Form.Item>
          <Form.Item name="mch_id" label={t('wechat.mch_id')} rules={required(t('wechat.mch_id'))}>
            <Input inputMode="numeric" maxLength={32} className="mono" />
          </Form.Item>
          <Form.Item name="app_id" label={t('wechat.app_id')} rules={required(t('wechat.app_id'))}>
            <Input maxLength={32} className="mono" />
          </Form.Item>
          <Form.Item name="cert_serial" label={t('wechat.serial')}>
            <Input maxLength={64} className="mono" />
          </Form.Item>
          <Form.Item
            name="api_v3_key"
            label={t('wechat.api_key')}
            extra={state(shape.has_api_v3_key)}
          >
            <Input maxLength={32} {...QUIET} />
          </Form.Item>
          <Form.Item
            name="private_key"
            label={t('wechat.private_key')}
            extra={state(shape.has_private_key)}
          >
            <Input.TextArea rows={4} {...QUIET} />
          </Form.Item>
        </>
      )}
    </SettingsForm>
  );
}

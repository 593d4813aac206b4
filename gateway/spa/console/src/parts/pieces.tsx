/** Small elements that the shell and the sign-in share. */
import { BgColorsOutlined, GlobalOutlined } from '@ant-design/icons';
import { Button, Dropdown } from 'antd';
import mark from '../../../shared/mark.svg';
import { chooseLanguage, useText } from '../texts';
import { type Appearance, chooseAppearance, useTheme } from '../theme';

export function Brand() {
  const { t } = useText();
  return (
    <div className="brand">
      <img src={mark} alt="" />
      <div>
        <strong>{t('app.name')}</strong>
        <span>{t('app.tagline')}</span>
      </div>
    </div>
  );
}

export function LanguageButton() {
  const { language } = useText();
  const other = language === 'en' ? 'zh-CN' : 'en';
  return (
    <Button
      type="text"
      icon={<GlobalOutlined />}
      lang={other}
      onClick={() => chooseLanguage(other)}
    >
      {other === 'en' ? 'English' : '中文'}
    </Button>
  );
}

export function ThemeButton() {
  const { t } = useText();
  const { wanted } = useTheme();
  const kinds: Appearance[] = ['system', 'light', 'dark'];
  return (
    <Dropdown
      trigger={['click']}
      menu={{
        selectedKeys: [wanted],
        items: kinds.map((key) => ({ key, label: t(`theme.${key}`) })),
        onClick: ({ key }) => chooseAppearance(key as Appearance),
      }}
    >
      <Button type="text" icon={<BgColorsOutlined />} aria-label={t('app.theme')} />
    </Dropdown>
  );
}

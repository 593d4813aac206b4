/** WeChat codes are not supported yet: the page says so and has no form (S118). */
import { Card, PageHead, Tag } from '../../parts/bits';
import { useText } from '../../texts';

export default function Wechat() {
  const { t } = useText();
  return (
    <>
      <PageHead title={t('wechat.title')} lead={t('wechat.lead')} />
      <Card>
        <div className="stack">
          <div>
            <Tag tone="run">{t('wechat.coming')}</Tag>
          </div>
          <p>{t('wechat.coming_text')}</p>
          <p className="soft">{t('wechat.meanwhile')}</p>
        </div>
      </Card>
    </>
  );
}

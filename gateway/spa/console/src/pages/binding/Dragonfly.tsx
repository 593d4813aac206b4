/** 刷脸支付 > 支付宝蜻蜓: the two tabs of the manual (S30). */
import { Tabs } from 'antd';
import { useSearchParams } from 'react-router';
import { PageHead } from '../../parts/bits';
import { useText } from '../../texts';
import { BindingRecord } from './BindingRecord';
import { CampaignTab } from './CampaignTab';

export default function Dragonfly() {
  const { t } = useText();
  const [params, setParams] = useSearchParams();
  return (
    <>
      <PageHead title={t('bind.dragonfly_title')} lead={t('bind.dragonfly_lead')} />
      <Tabs
        activeKey={params.get('tab') === 'iot' ? 'iot' : 'business'}
        onChange={(tab) => setParams(tab === 'iot' ? { tab } : {})}
        destroyOnHidden
        items={[
          { key: 'business', label: t('bind.tab_business'), children: <CampaignTab /> },
          { key: 'iot', label: t('bind.tab_iot'), children: <BindingRecord side="iot" /> },
        ]}
      />
    </>
  );
}

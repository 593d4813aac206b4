/** 支付宝小程序 > 小程序配置. */
import { PageHead } from '../../parts/bits';
import { useText } from '../../texts';
import { BindingRecord } from './BindingRecord';

export default function MiniProgram() {
  const { t } = useText();
  return (
    <>
      <PageHead title={t('bind.mini_title')} lead={t('bind.mini_lead')} />
      <BindingRecord side="mini" />
    </>
  );
}

/** New recovery codes: shown once, for their person to keep. */
import { Alert, Button } from 'antd';
import { CopyButton } from '../../parts/bits';
import { useText } from '../../texts';

export function RecoveryCodes({ codes, onDone }: { codes: string[]; onDone: () => void }) {
  const { t } = useText();
  return (
    <div className="stack">
      <Alert type="warning" showIcon title={t('factor.codes_once')} />
      <ul className="codes mono" data-verbatim>
        {codes.map((code) => (
          <li key={code}>{code}</li>
        ))}
      </ul>
      <div className="row">
        <CopyButton text={codes.join('\n')} label={t('factor.codes')} />
        <Button type="primary" onClick={onDone}>
          {t('factor.codes_kept')}
        </Button>
      </div>
    </div>
  );
}

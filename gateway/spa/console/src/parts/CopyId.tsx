/** An id that only programs need: people copy it and do not read it. */
import { CheckOutlined, CopyOutlined } from '@ant-design/icons';
import { Button } from 'antd';
import { useText } from '../texts';
import { useCopy } from './bits';

export function CopyId({ value, label }: { value: string; label: string }) {
  const { t } = useText();
  const [isDone, copy] = useCopy();
  return (
    <Button
      size="small"
      icon={isDone ? <CheckOutlined /> : <CopyOutlined />}
      onClick={() => copy(value)}
    >
      {isDone ? t('do.copied') : `${t('do.copy')} ${label}`}
    </Button>
  );
}

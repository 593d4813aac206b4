/** The terminal that this browser is, and a button to remove it. */

import { ApiProblem } from '@shared/problem';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Button, Popconfirm } from 'antd';
import { post } from '../../api/client';
import { Card, Facts, Id, When } from '../../parts/bits';
import { useSay } from '../../parts/say';
import { useText } from '../../texts';
import { inBrowser, type Terminal } from './keystore';
import { dropRunner } from './runner';

/** Revoked first, so that no valid key is left that nobody has any more. */
async function forgotten(terminal: Terminal): Promise<void> {
  try {
    const path = { device_id: terminal.deviceId };
    await post('/api/merchant/v1/devices/{device_id}/revoke', {}, { path });
  } catch (error) {
    if (!(error instanceof ApiProblem && error.status === 404)) throw error;
  }
  await inBrowser.forget(terminal.merchantId);
  dropRunner(terminal);
}

export function TerminalCard({ terminal, isOpen }: { terminal: Terminal; isOpen: boolean }) {
  const { t } = useText();
  const say = useSay();
  const queries = useQueryClient();
  const forget = useMutation({
    mutationFn: () => forgotten(terminal),
    onSuccess: async () => {
      say.done(t('cashier.forgot'));
      await queries.invalidateQueries({ queryKey: ['devices'] });
      await queries.invalidateQueries({ queryKey: ['cashier'] });
    },
    onError: say.failed,
  });
  const sure = t('cashier.forget_sure') + (isOpen ? ` ${t('cashier.forget_open')}` : '');
  return (
    <Card title={t('cashier.terminal')}>
      <Facts
        rows={[
          [t('cashier.sn'), <Id key="sn" value={terminal.sn} label={t('cashier.sn')} />],
          [t('cashier.since'), <When key="since" at={terminal.enrolledAt} />],
        ]}
      />
      <p className="soft small">{t('cashier.key_kept')}</p>
      <Popconfirm
        title={<div style={{ maxWidth: 320 }}>{sure}</div>}
        okText={t('cashier.forget')}
        cancelText={t('do.cancel')}
        onConfirm={() => forget.mutate()}
      >
        <Button danger loading={forget.isPending}>
          {t('cashier.forget')}
        </Button>
      </Popconfirm>
    </Card>
  );
}

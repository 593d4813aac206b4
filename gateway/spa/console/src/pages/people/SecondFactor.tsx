/** The second factor of the own account: an authenticator app, and recovery codes. */
import { chinaTime } from '@shared/time';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Alert, Button, Form, Input, Popconfirm } from 'antd';
import { useState } from 'react';
import { at, get, post, remove } from '../../api/client';
import type { SecondFactorBegun } from '../../api/shapes';
import { Card, Facts, Id, Tag } from '../../parts/bits';
import { EntryForm } from '../../parts/forms/EntryForm';
import { useRequired } from '../../parts/forms/useRequired';
import { Window } from '../../parts/forms/Window';
import { useSay } from '../../parts/say';
import { Failure, Loading } from '../../parts/states';
import { useSession } from '../../session/session';
import { useText } from '../../texts';
import { RecoveryCodes } from './RecoveryCodes';

/** Dark modules on white in light and dark mode, because cameras need the contrast. */
function QrCode({ rows, label }: { rows: string[]; label: string }) {
  const quiet = 4;
  const size = rows.length + 2 * quiet;
  const dark = rows
    .flatMap((row, y) =>
      [...row].map((one, x) => (one === '1' ? `M${x + quiet} ${y + quiet}h1v1h-1z` : '')),
    )
    .join('');
  return (
    <svg className="factor-qr" role="img" aria-label={label} viewBox={`0 0 ${size} ${size}`}>
      <rect width={size} height={size} fill="#fff" />
      <path d={dark} fill="#000" />
    </svg>
  );
}

function SetUp({
  begun,
  onCodes,
}: {
  begun: SecondFactorBegun;
  onCodes: (codes: string[]) => void;
}) {
  const { t } = useText();
  const required = useRequired();
  const { console } = useSession();
  const confirm = useMutation({
    mutationFn: ({ code }: { code: string }) =>
      post(at(console, '/second-factor/confirm'), { code: code.trim() }),
    onSuccess: ({ recovery_codes }) => onCodes(recovery_codes),
  });
  return (
    <div className="stack">
      <p>{t('factor.scan')}</p>
      <QrCode rows={begun.qr_rows} label={t('factor.qr')} />
      <Facts
        rows={[
          [t('factor.secret'), <Id key="secret" value={begun.secret} label={t('factor.secret')} />],
        ]}
      />
      <EntryForm<{ code: string }>
        requiredMark={false}
        send={(values) => confirm.mutateAsync(values)}
      >
        <Form.Item name="code" label={t('factor.code')} rules={required(t('factor.code'))}>
          <Input className="mono" autoComplete="one-time-code" inputMode="numeric" maxLength={16} />
        </Form.Item>
        <Button type="primary" htmlType="submit" loading={confirm.isPending}>
          {t('factor.confirm')}
        </Button>
      </EntryForm>
    </div>
  );
}

/** The second factor as the server knows it, and the changes to it. */
function useSecondFactor() {
  const { t } = useText();
  const say = useSay();
  const queries = useQueryClient();
  const { console } = useSession();
  const [begun, setBegun] = useState<SecondFactorBegun | null>(null);
  const [codes, setCodes] = useState<string[]>([]);
  const found = useQuery({
    queryKey: ['second-factor', console],
    queryFn: () => get(at(console, '/second-factor')),
  });
  const again = async () => {
    await queries.invalidateQueries({ queryKey: ['second-factor'] });
    await queries.invalidateQueries({ queryKey: ['who'] });
  };
  const begin = useMutation({
    mutationFn: () => post(at(console, '/second-factor'), {}),
    onSuccess: setBegun,
    onError: say.failed,
  });
  const renew = useMutation({
    mutationFn: () => post(at(console, '/second-factor/recovery-codes'), {}),
    onSuccess: ({ recovery_codes }) => setCodes(recovery_codes),
    onError: say.failed,
  });
  const end = useMutation({
    mutationFn: () => remove(at(console, '/second-factor')),
    onSuccess: async () => {
      say.done(t('factor.removed'));
      await again();
    },
    onError: say.failed,
  });
  const close = async () => {
    setBegun(null);
    setCodes([]);
    await again();
  };
  /** Empty when there are passkeys: the account keeps its earlier codes. */
  const confirmed = (made: string[]) => {
    if (made.length > 0) return setCodes(made);
    say.done(t('factor.codes_stay'));
    void close();
  };
  return { found, begun, codes, begin, renew, end, confirmed, close };
}

type Factor = ReturnType<typeof useSecondFactor>;

function Standing({
  state,
  hasOne,
}: {
  state: NonNullable<Factor['found']['data']>;
  hasOne: boolean;
}) {
  const { t } = useText();
  return (
    <Facts
      rows={[
        [
          t('factor.app'),
          <Tag key="state" tone={state.since ? 'ok' : 'mute'}>
            {state.since ? t('factor.on') : t('factor.off')}
          </Tag>,
        ],
        ...(state.since
          ? ([[t('factor.since'), chinaTime(state.since)]] as [string, string][])
          : []),
        ...(hasOne
          ? ([[t('factor.codes_left'), String(state.recovery_codes_left)]] as [string, string][])
          : []),
      ]}
    />
  );
}

function Acts({
  isOn,
  hasOne,
  begin,
  renew,
  end,
}: { isOn: boolean; hasOne: boolean } & Pick<Factor, 'begin' | 'renew' | 'end'>) {
  const { t } = useText();
  return (
    <div className="row">
      {isOn ? (
        <Popconfirm
          title={t('factor.remove_sure')}
          okText={t('do.confirm')}
          cancelText={t('do.cancel')}
          onConfirm={() => end.mutate()}
        >
          <Button danger loading={end.isPending}>
            {t('factor.remove')}
          </Button>
        </Popconfirm>
      ) : (
        <Button
          type={hasOne ? 'default' : 'primary'}
          onClick={() => begin.mutate()}
          loading={begin.isPending}
        >
          {t('factor.set_up')}
        </Button>
      )}
      {hasOne ? (
        <Button onClick={() => renew.mutate()} loading={renew.isPending}>
          {t('factor.new_codes')}
        </Button>
      ) : null}
    </div>
  );
}

export function SecondFactor() {
  const { t } = useText();
  const { session } = useSession();
  const { found, begun, codes, begin, renew, end, confirmed, close } = useSecondFactor();
  const state = found.data;
  const hasOne = Boolean(state?.since) || session.user.has_passkeys;
  return (
    <Card title={t('factor.title')}>
      {session.needs_second_factor ? (
        <Alert type="warning" showIcon title={t('factor.needed')} />
      ) : null}
      <p className="soft">{t('factor.lead')}</p>
      {found.isPending ? <Loading rows={2} /> : null}
      {found.isError ? <Failure error={found.error} retry={() => void found.refetch()} /> : null}
      {state ? (
        <div className="stack">
          <Standing state={state} hasOne={hasOne} />
          <Acts isOn={Boolean(state.since)} hasOne={hasOne} begin={begin} renew={renew} end={end} />
        </div>
      ) : null}
      <Window
        open={begun !== null || codes.length > 0}
        isOnce={codes.length > 0}
        centered
        title={t(
          codes.length === 0 ? 'factor.set_up' : begun ? 'factor.codes_on' : 'factor.codes_new',
        )}
        footer={null}
        onCancel={() => void close()}
      >
        {codes.length > 0 ? (
          <RecoveryCodes codes={codes} onDone={() => void close()} />
        ) : begun ? (
          <SetUp begun={begun} onCodes={confirmed} />
        ) : null}
      </Window>
    </Card>
  );
}

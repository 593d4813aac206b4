/** The people of a merchant or of the operator: role, stores, and a link for a new password. */
import { useQuery } from '@tanstack/react-query';
import { Form, Input, Select, Switch } from 'antd';
import { at, type Console, get, patch, post } from '../../api/client';
import type { NewStaff, PasswordLink, Role, RoleRow, StaffRow } from '../../api/shapes';
import { StoreSelect } from '../../lookups/StoreSelect';
import { useStores } from '../../lookups/stores';
import { Card, Id, Tag } from '../../parts/bits';
import { Dialog } from '../../parts/forms/Dialog';
import { RemoveFactorField } from '../../parts/forms/RemoveFactor';
import { UsernameField } from '../../parts/forms/UsernameField';
import { NAME_MAX, useChosen, useRequired } from '../../parts/forms/useRequired';
import { LinkShown } from '../../parts/LinkShown';
import type { Column } from '../../parts/lists/columns';
import { ListPage } from '../../parts/lists/ListPage';
import { everything } from '../../parts/lists/walk';
import { word } from '../../parts/words';
import { useSession } from '../../session/session';
import { useText } from '../../texts';

interface Entry {
  login?: string;
  username?: string;
  name: string;
  role: Role;
  store_ids?: string[];
  is_enabled?: boolean;
  hand_keys_to?: string;
}

function useRoles(side: Console) {
  return useQuery({ queryKey: ['roles', side], queryFn: () => get(at(side, '/roles')) });
}

/** An operator's login is the typed text; a merchant's person has the merchant's handle after
 * it. */
function LoginField({ side }: { side: Console }) {
  const { t } = useText();
  const required = useRequired();
  const { session } = useSession();
  if (side === 'operator') {
    return (
      <Form.Item name="login" label={t('staff.login')} rules={required(t('staff.login'), NAME_MAX)}>
        <Input autoComplete="off" minLength={3} />
      </Form.Item>
    );
  }
  return <UsernameField label={t('staff.username')} handle={session.merchant?.handle ?? ''} />;
}

/** The only role that can be bound to stores. */
const OF_STORES = 'cashier';

function Fields({ side, roles, isNew }: { side: Console; roles: RoleRow[]; isNew: boolean }) {
  const { t } = useText();
  const required = useRequired();
  const chosen = useChosen();
  const role = Form.useWatch('role');
  return (
    <>
      {isNew ? <LoginField side={side} /> : null}
      <Form.Item name="name" label={t('staff.name')} rules={required(t('staff.name'), NAME_MAX)}>
        <Input />
      </Form.Item>
      <Form.Item name="role" label={t('staff.role')} rules={chosen(t('staff.role'))}>
        <Select
          options={roles.map((one) => ({ value: one.role, label: word(t, 'role', one.role) }))}
        />
      </Form.Item>
      {role === OF_STORES ? (
        <Form.Item name="store_ids" label={t('staff.stores')} extra={t('app.all_stores')}>
          <StoreSelect mode="multiple" allowClear placeholder={t('app.all_stores')} />
        </Form.Item>
      ) : null}
      {isNew ? <p className="soft">{t('link.after')}</p> : null}
      {isNew ? null : (
        <Form.Item name="is_enabled" label={t('staff.enabled')} valuePropName="checked">
          <Switch />
        </Form.Item>
      )}
    </>
  );
}

/** Who gets the API keys of a person who may no longer have any. */
function Keys({ row, people }: { row: StaffRow; people: StaffRow[] }) {
  const { t } = useText();
  const keys = useQuery({
    queryKey: ['api-keys', 'all'],
    queryFn: () =>
      everything({
        load: (query) => get('/api/merchant/v1/api-keys', { query }),
        keyOf: (key) => key.key_id,
      }),
  });
  const mine = (keys.data ?? []).filter((key) => key.created_by === row.user_id && !key.revoked_at);
  if (mine.length === 0) return null;
  const heirs = people.filter(
    (one) => one.is_enabled && one.role === 'merchant_owner' && one.user_id !== row.user_id,
  );
  return (
    <Form.Item
      name="hand_keys_to"
      label={t('staff.keys')}
      extra={t('staff.keys_list', { keys: mine.map((key) => key.name).join(t('bind.and')) })}
    >
      <Select
        options={[
          { value: '', label: t('staff.keys_end') },
          ...heirs.map((one) => ({ value: one.user_id, label: one.name })),
        ]}
      />
    </Form.Item>
  );
}

function Change({ row, side, roles }: { row: StaffRow; side: Console; roles: RoleRow[] }) {
  const { t } = useText();
  const people = useQuery({
    queryKey: ['staff', side, 'all'],
    queryFn: () =>
      everything<StaffRow>({
        load: (query) => get(at(side, '/staff'), { query }),
        keyOf: (one) => one.user_id,
      }),
    enabled: side === 'merchant',
  });
  return (
    <Dialog<Entry, unknown>
      label={t('do.edit')}
      title={row.name}
      done={t('staff.changed')}
      button={{ type: 'link', size: 'small', 'aria-label': `${t('do.edit')} ${row.login}` }}
      initial={{ ...row, role: row.role as Role, hand_keys_to: '' }}
      save={({ name, role, is_enabled, store_ids, hand_keys_to }) =>
        patch(
          at(side, '/staff/{user_id}'),
          {
            ...(name !== row.name ? { name } : {}),
            ...(role !== row.role ? { role } : {}),
            ...(is_enabled !== undefined && is_enabled !== row.is_enabled ? { is_enabled } : {}),
            ...(store_ids ? { store_ids } : {}),
            ...(hand_keys_to ? { hand_keys_to } : {}),
            version: row.version,
          },
          { path: { user_id: row.user_id } },
        )
      }
      refresh={['staff', 'api-keys']}
    >
      <Fields side={side} roles={roles} isNew={false} />
      {side === 'merchant' ? <Keys row={row} people={people.data ?? []} /> : null}
    </Dialog>
  );
}

/** Creates a link for a new password. */
function Reset({ row, side }: { row: StaffRow; side: Console }) {
  const { t } = useText();
  return (
    <Dialog<{ remove_second_factor?: boolean }, PasswordLink>
      label={t('staff.reset')}
      title={`${t('staff.reset')} · ${row.name}`}
      button={{ type: 'link', size: 'small', 'aria-label': `${t('staff.reset')} ${row.login}` }}
      save={({ remove_second_factor }) =>
        post(
          at(side, '/staff/{user_id}/password-link'),
          { remove_second_factor: remove_second_factor === true },
          { path: { user_id: row.user_id } },
        )
      }
      refresh={[]}
      after={{
        title: () => t('link.made', { login: row.login }),
        shown: (link) => <LinkShown login={row.login} link={link} />,
      }}
    >
      <p className="soft">{t('staff.reset_lead')}</p>
      {row.has_second_factor ? <RemoveFactorField /> : null}
    </Dialog>
  );
}

function Acts({ row, side, roles }: { row: StaffRow; side: Console; roles: RoleRow[] }) {
  return (
    <span className="row">
      <Change row={row} side={side} roles={roles} />
      {row.is_self || !row.is_enabled ? null : <Reset row={row} side={side} />}
    </span>
  );
}

function Roles({ roles }: { roles: RoleRow[] }) {
  const { t } = useText();
  if (roles.length === 0) return null;
  return (
    <Card title={t('staff.roles')}>
      <table className="plain">
        <thead>
          <tr>
            <th scope="col">{t('staff.role')}</th>
            <th scope="col">{t('staff.permissions')}</th>
          </tr>
        </thead>
        <tbody>
          {roles.map((one) => (
            <tr key={one.role}>
              <td className="nowrap">{word(t, 'role', one.role)}</td>
              <td>
                {one.permissions.map((name) => word(t, 'permission', name)).join(t('bind.and'))}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  );
}

function Add({ side, roles }: { side: Console; roles: RoleRow[] }) {
  const { t } = useText();
  return (
    <Dialog<Entry, NewStaff>
      label={t('staff.new')}
      button={{ type: 'primary' }}
      save={(values) =>
        side === 'merchant'
          ? post('/api/merchant/v1/staff', {
              username: values.username ?? '',
              name: values.name,
              role: values.role,
              store_ids: values.store_ids ?? [],
            })
          : post('/api/operator/v1/staff', {
              login: values.login ?? '',
              name: values.name,
              role: values.role,
            })
      }
      refresh={['staff']}
      after={{
        title: (made) => t('staff.made', { name: made.name }),
        shown: (made) => <LinkShown login={made.login} link={made.link} />,
      }}
    >
      <Fields side={side} roles={roles} isNew />
    </Dialog>
  );
}

function useColumns(side: Console, roles: RoleRow[], mayWrite: boolean): Column<StaffRow>[] {
  const { t } = useText();
  const { stores } = useStores();
  const storeNames = (ids: string[]) =>
    ids.length === 0
      ? t('app.all_stores')
      : ids
          .map((id) => stores.find((one) => one.store_id === id)?.name ?? t('word.other'))
          .join(t('bind.and'));
  const columns: Column<StaffRow>[] = [
    {
      key: 'name',
      title: t('staff.name'),
      render: (row) => <strong className="whole">{row.name}</strong>,
      text: (row) => row.name,
    },
    {
      key: 'login',
      title: t('staff.login'),
      render: (row) => <Id value={row.login} label={t('staff.login')} />,
      text: (row) => row.login,
    },
    {
      key: 'role',
      title: t('staff.role'),
      render: (row) => word(t, 'role', row.role),
      text: (row) => word(t, 'role', row.role),
    },
    {
      key: 'state',
      title: t('staff.state'),
      render: (row) => (
        <Tag tone={row.is_enabled ? 'ok' : 'mute'}>
          {t(row.is_enabled ? 'staff.enabled' : 'staff.disabled')}
        </Tag>
      ),
      text: (row) => t(row.is_enabled ? 'staff.enabled' : 'staff.disabled'),
    },
  ];
  if (side === 'merchant') {
    columns.push({
      key: 'stores',
      title: t('staff.stores'),
      render: (row) => storeNames(row.store_ids ?? []),
      text: (row) => storeNames(row.store_ids ?? []),
    });
  }
  if (mayWrite) {
    columns.push({
      key: 'acts',
      title: t('orders.action'),
      isAction: true,
      render: (row) => <Acts row={row} side={side} roles={roles} />,
    });
  }
  return columns;
}

export default function Staff() {
  const { t } = useText();
  const { console: signedIn, session, can } = useSession();
  const side: Console = session.acting ? 'merchant' : signedIn;
  const handle = side === 'merchant' ? session.merchant?.handle : undefined;
  const roles = useRoles(side).data?.items ?? [];
  const mayWrite = !session.acting && can('staff.write', 'operators.write');
  const columns = useColumns(side, roles, mayWrite);
  const add = mayWrite ? <Add side={side} roles={roles} /> : null;
  return (
    <>
      <ListPage<StaffRow>
        title={t('staff.title')}
        lead={
          handle ? `${t('staff.lead')} ${t('merchant.handle_note', { handle })}` : t('staff.lead')
        }
        queryKey={['staff', side]}
        load={(query) => get(at(side, '/staff'), { query })}
        rowKey={(row) => row.user_id}
        columns={columns}
        exports
        actions={add}
        empty={{ title: t('staff.empty'), hint: t('staff.empty_hint'), action: add }}
      />
      <Roles roles={roles} />
    </>
  );
}

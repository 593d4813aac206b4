/** People of a merchant (or of the operator): their role, their stores, their password. */
import { useQuery } from '@tanstack/react-query';
import { Form, Input, Select, Switch } from 'antd';
import { at, type Console, get, patch, post } from '../../api/client';
import type { Role, RoleRow, StaffRow } from '../../api/shapes';
import { Card, Tag } from '../../parts/bits';
import { Dialog } from '../../parts/Dialog';
import { type Column, ListPage } from '../../parts/ListPage';
import { useRequired } from '../../parts/useRequired';
import { word } from '../../parts/words';
import { useSession } from '../../session/session';
import { useStores } from '../../shell/stores';
import { useText } from '../../texts';

interface Entry {
  login: string;
  name: string;
  password: string;
  role: Role;
  store_ids?: string[];
  is_enabled?: boolean;
}

function useRoles(console: Console) {
  return useQuery({ queryKey: ['roles', console], queryFn: () => get(at(console, '/roles')) });
}

function Fields({ console, roles, isNew }: { console: Console; roles: RoleRow[]; isNew: boolean }) {
  const { t } = useText();
  const required = useRequired();
  const { stores } = useStores();
  return (
    <>
      {isNew ? (
        <Form.Item name="login" label={t('staff.login')} rules={required(t('staff.login'))}>
          <Input autoComplete="off" minLength={3} maxLength={64} />
        </Form.Item>
      ) : null}
      <Form.Item name="name" label={t('staff.name')} rules={required(t('staff.name'))}>
        <Input maxLength={64} />
      </Form.Item>
      {isNew ? (
        <Form.Item
          name="password"
          label={t('staff.password')}
          extra={t('account.password_rule')}
          rules={required(t('staff.password'))}
        >
          <Input.Password autoComplete="new-password" minLength={12} maxLength={128} />
        </Form.Item>
      ) : null}
      <Form.Item name="role" label={t('staff.role')} rules={required(t('staff.role'))}>
        <Select
          options={roles.map((one) => ({ value: one.role, label: word(t, 'role', one.role) }))}
        />
      </Form.Item>
      {console === 'merchant' ? (
        <Form.Item name="store_ids" label={t('staff.stores')} extra={t('app.all_stores')}>
          <Select
            mode="multiple"
            allowClear
            placeholder={t('app.all_stores')}
            options={stores.map((one) => ({ value: one.store_id, label: one.name }))}
          />
        </Form.Item>
      ) : null}
      {isNew ? null : (
        <Form.Item name="is_enabled" label={t('staff.enabled')} valuePropName="checked">
          <Switch />
        </Form.Item>
      )}
    </>
  );
}

function Acts({ row, console, roles }: { row: StaffRow; console: Console; roles: RoleRow[] }) {
  const { t } = useText();
  const required = useRequired();
  const path = { user_id: row.user_id };
  return (
    <span className="row">
      <Dialog<Entry, unknown>
        label={t('do.edit')}
        title={row.name}
        button={{ type: 'link', size: 'small', 'aria-label': `${t('do.edit')} ${row.login}` }}
        initial={{ ...row, role: row.role as Role }}
        save={({ name, role, is_enabled, store_ids }) =>
          patch(
            at(console, '/staff/{user_id}'),
            {
              ...(name !== row.name ? { name } : {}),
              ...(role !== row.role ? { role } : {}),
              ...(is_enabled !== undefined && is_enabled !== row.is_enabled ? { is_enabled } : {}),
              ...(store_ids ? { store_ids } : {}),
              version: row.version,
            },
            { path },
          )
        }
        refresh={['staff']}
      >
        <Fields console={console} roles={roles} isNew={false} />
      </Dialog>
      <Dialog<{ password: string }, unknown>
        label={t('staff.reset')}
        title={`${t('staff.reset')} · ${row.name}`}
        button={{ type: 'link', size: 'small', 'aria-label': `${t('staff.reset')} ${row.login}` }}
        save={({ password }) =>
          post(at(console, '/staff/{user_id}/password'), { password }, { path })
        }
        refresh={[]}
      >
        <Form.Item
          name="password"
          label={t('account.new_password')}
          extra={t('account.password_rule')}
          rules={required(t('account.new_password'))}
        >
          <Input.Password autoComplete="new-password" maxLength={128} />
        </Form.Item>
      </Dialog>
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
              <td className="mono">{one.permissions.join(' · ')}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  );
}

export default function Staff() {
  const { t } = useText();
  const { console: signedIn, session, can } = useSession();
  const { stores } = useStores();
  const console: Console = session.acting ? 'merchant' : signedIn;
  const roles = useRoles(console).data?.items ?? [];
  const mayWrite = !session.acting && can('staff.write', 'operators.write');
  const storeNames = (ids: string[]) =>
    ids.length === 0
      ? t('app.all_stores')
      : ids.map((id) => stores.find((one) => one.store_id === id)?.name ?? id).join('、');
  const columns: Column<StaffRow>[] = [
    {
      key: 'name',
      title: t('staff.name'),
      render: (row) => <strong>{row.name}</strong>,
      text: (row) => row.name,
    },
    { key: 'login', title: t('staff.login'), render: (row) => row.login, text: (row) => row.login },
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
  if (console === 'merchant') {
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
      render: (row) => <Acts row={row} console={console} roles={roles} />,
    });
  }
  const add = mayWrite ? (
    <Dialog<Entry, unknown>
      label={t('staff.new')}
      button={{ type: 'primary' }}
      save={(values) =>
        post(at(console, '/staff'), { ...values, store_ids: values.store_ids ?? [] })
      }
      refresh={['staff']}
    >
      <Fields console={console} roles={roles} isNew />
    </Dialog>
  ) : null;
  return (
    <>
      <ListPage<StaffRow>
        title={t('staff.title')}
        lead={t('staff.lead')}
        queryKey={['staff', console]}
        load={(query) => get(at(console, '/staff'), { query })}
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

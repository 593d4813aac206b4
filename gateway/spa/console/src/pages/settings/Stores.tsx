/** The merchant's stores. */
import { chinaTime } from '@shared/time';
import { get, patch } from '../../api/client';
import type { Store } from '../../api/shapes';
import { When } from '../../parts/bits';
import { CopyId } from '../../parts/CopyId';
import { Dialog } from '../../parts/forms/Dialog';
import { type Named, NameField, NewStore } from '../../parts/forms/NewStore';
import type { Column } from '../../parts/lists/columns';
import { ListPage } from '../../parts/lists/ListPage';
import { useOpensAtOnce } from '../../parts/openNew';
import { useSession } from '../../session/session';
import { useText } from '../../texts';

function ChangeStore({ row }: { row: Store }) {
  const { t } = useText();
  return (
    <Dialog<Named, unknown>
      label={t('do.edit')}
      title={row.name}
      done={t('stores.changed')}
      button={{ type: 'link', size: 'small', 'aria-label': `${t('do.edit')} ${row.name}` }}
      initial={{ name: row.name }}
      save={({ name }) =>
        patch(
          '/api/merchant/v1/stores/{store_id}',
          { name: name.trim(), version: row.version },
          { path: { store_id: row.store_id } },
        )
      }
      refresh={['stores']}
    >
      <NameField />
    </Dialog>
  );
}

export default function Stores() {
  const { t } = useText();
  const { can } = useSession();
  const mayWrite = can('stores.write');
  const opensAtOnce = useOpensAtOnce();
  const columns: Column<Store>[] = [
    {
      key: 'name',
      title: t('stores.name'),
      render: (row) => <strong className="whole">{row.name}</strong>,
      text: (row) => row.name,
    },
    {
      key: 'id',
      title: t('stores.id'),
      render: (row) => <CopyId value={row.store_id} label={t('stores.id')} />,
      text: (row) => row.store_id,
    },
    {
      key: 'created',
      title: t('stores.created'),
      render: (row) => <When at={row.created_at} />,
      text: (row) => chinaTime(row.created_at),
    },
  ];
  if (mayWrite) {
    columns.push({
      key: 'edit',
      title: t('orders.action'),
      isAction: true,
      render: (row) => <ChangeStore row={row} />,
    });
  }
  return (
    <ListPage<Store>
      title={t('stores.title')}
      lead={t('stores.lead')}
      queryKey={['stores']}
      load={(query) => get('/api/merchant/v1/stores', { query })}
      rowKey={(row) => row.store_id}
      columns={columns}
      exports
      actions={mayWrite ? <NewStore opensAtOnce={opensAtOnce} /> : null}
      empty={{
        title: t('stores.empty'),
        hint: t('stores.empty_hint'),
        action: mayWrite ? <NewStore /> : null,
      }}
    />
  );
}

/** The operators' requests for more permissions than look and help; a second operator decides. */
import { Button } from 'antd';
import { Link } from 'react-router';
import type { OperatorGrant } from '../../api/shapes';
import { Card, PageHead } from '../../parts/bits';
import { isOpen, useOperatorAct, useOperatorGrants } from '../../parts/grants';
import { Calm, Failure, Loading } from '../../parts/states';
import { useSession } from '../../session/session';
import { useText } from '../../texts';
import { GrantFacts, GrantState } from './GrantFacts';

function Buttons({ row }: { row: OperatorGrant }) {
  const { t } = useText();
  const { can } = useSession();
  const decide = useOperatorAct();
  const act = (name: 'give' | 'refuse' | 'withdraw') => () => decide.mutate({ row, act: name });
  if (!isOpen(row)) return null;
  if (row.is_own)
    return (
      <div className="row">
        <Button onClick={act('withdraw')} loading={decide.isPending}>
          {t(row.state === 'asked' ? 'grant.take_back' : 'grant.return')}
        </Button>
        {row.state === 'asked' ? <span className="soft">{t('grant.by_other')}</span> : null}
      </div>
    );
  if (!can('acting.grant')) return null;
  return (
    <div className="row">
      {row.state === 'asked' ? (
        <>
          <Button type="primary" onClick={act('give')} loading={decide.isPending}>
            {t('grant.give')}
          </Button>
          <Button onClick={act('refuse')} disabled={decide.isPending}>
            {t('grant.refuse')}
          </Button>
        </>
      ) : (
        <Button danger onClick={act('withdraw')} loading={decide.isPending}>
          {t('grant.withdraw')}
        </Button>
      )}
    </div>
  );
}

export default function Grants() {
  const { t } = useText();
  const { can } = useSession();
  const grants = useOperatorGrants(undefined, true);
  const rows = grants.data?.items ?? [];
  return (
    <>
      <PageHead title={t('grant.title')} lead={t('grant.lead')} />
      {grants.isPending ? (
        <Loading />
      ) : (
        <Card>
          {grants.isLoadingError ? (
            <Failure error={grants.error} retry={() => void grants.refetch()} />
          ) : rows.length === 0 ? (
            <Calm title={t('grant.empty')} hint={t('grant.empty_hint')} />
          ) : (
            <ul className="rowcards">
              {rows.map((row) => (
                <li key={row.grant_id} className="stack">
                  <div className="row">
                    <strong>
                      {can('merchants.read') ? (
                        <Link to={`/merchants/${row.merchant_id}`}>{row.merchant_name}</Link>
                      ) : (
                        row.merchant_name
                      )}
                    </strong>
                    <span>{row.operator_name}</span>
                    <GrantState grant={row} />
                  </div>
                  <GrantFacts grant={row} />
                  <Buttons row={row} />
                </li>
              ))}
            </ul>
          )}
        </Card>
      )}
    </>
  );
}

/** The operators' requests to this merchant and their present permissions; an owner decides. */
import { Button } from 'antd';
import { Card } from '../../parts/bits';
import { isOpen, useMerchantAct, useMerchantGrants } from '../../parts/grants';
import { useSession } from '../../session/session';
import { useText } from '../../texts';
import { GrantFacts, GrantState } from './GrantFacts';

export function Consent() {
  const { t } = useText();
  const { can, session } = useSession();
  const mayDecide = can('acting.consent');
  const grants = useMerchantGrants(can('audit.read') && !session.acting);
  const decide = useMerchantAct();
  const open = (grants.data?.items ?? []).filter(isOpen);
  if (open.length === 0) return null;
  return (
    <Card title={t('grant.merchant_title')}>
      <p className="soft">{t('grant.merchant_lead')}</p>
      <ul className="rowcards">
        {open.map((row) => (
          <li key={row.grant_id} className="stack">
            <div className="row">
              <strong>{row.operator_name}</strong>
              <GrantState grant={row} />
            </div>
            <GrantFacts grant={row} />
            {mayDecide ? (
              <div className="row">
                {row.state === 'asked' ? (
                  <>
                    <Button
                      type="primary"
                      loading={decide.isPending}
                      onClick={() => decide.mutate({ row, act: 'give' })}
                    >
                      {t('grant.give')}
                    </Button>
                    <Button
                      disabled={decide.isPending}
                      onClick={() => decide.mutate({ row, act: 'refuse' })}
                    >
                      {t('grant.refuse')}
                    </Button>
                  </>
                ) : (
                  <Button
                    danger
                    loading={decide.isPending}
                    onClick={() => decide.mutate({ row, act: 'withdraw' })}
                  >
                    {t('grant.withdraw')}
                  </Button>
                )}
              </div>
            ) : null}
          </li>
        ))}
      </ul>
    </Card>
  );
}

/** The owners of a merchant, and the one-time link that helps one of them to sign in again. */
import { chinaTime, ZONE } from '@shared/time';
import { useQuery } from '@tanstack/react-query';
import { get, post } from '../../../api/client';
import type { MerchantOwner, PasswordLink } from '../../../api/shapes';
import { Card, Tag } from '../../../parts/bits';
import { Dialog } from '../../../parts/forms/Dialog';
import { ReasonField } from '../../../parts/forms/Reason';
import { RemoveFactorField } from '../../../parts/forms/RemoveFactor';
import { LinkShown } from '../../../parts/LinkShown';
import { Failure, Loading } from '../../../parts/states';
import { useText } from '../../../texts';
import { LOOK_AGAIN_MS } from '../figures';

interface Entry {
  reason: string;
  remove_second_factor?: boolean;
}

const DOOR = '/api/operator/v1/merchants/{merchant_id}/owners/{user_id}/password-link';

function Reset({ merchantId, owner }: { merchantId: string; owner: MerchantOwner }) {
  const { t } = useText();
  return (
    <Dialog<Entry, PasswordLink>
      label={t('cockpit.reset')}
      title={`${t('cockpit.reset')} · ${owner.login}`}
      okText={t('cockpit.reset_make')}
      button={{ size: 'small', 'aria-label': `${t('cockpit.reset')} ${owner.login}` }}
      save={({ reason, remove_second_factor }) =>
        post(
          DOOR,
          { reason: reason.trim(), remove_second_factor: remove_second_factor === true },
          { path: { merchant_id: merchantId, user_id: owner.user_id } },
        )
      }
      refresh={['merchants']}
      after={{
        title: () => t('link.made', { login: owner.login }),
        shown: (link) => <LinkShown login={owner.login} link={link} />,
      }}
    >
      <p>{t(owner.has_password ? 'cockpit.reset_lead' : 'cockpit.first_lead')}</p>
      <ReasonField />
      {owner.has_second_factor ? <RemoveFactorField /> : null}
      <p className="soft">{t('cockpit.both_logs')}</p>
    </Dialog>
  );
}

function State({ owner, isSuspended }: { owner: MerchantOwner; isSuspended: boolean }) {
  const { t } = useText();
  if (!owner.is_enabled) return <Tag tone="mute">{t('cockpit.owner_disabled')}</Tag>;
  if (isSuspended) return <Tag tone="bad">{t('cockpit.owner_suspended')}</Tag>;
  if (!owner.has_password) return <Tag tone="warn">{t('cockpit.owner_no_password')}</Tag>;
  return <Tag tone="ok">{t('cockpit.owner_active')}</Tag>;
}

const at = (instant: string) => `${chinaTime(instant)} ${ZONE}`;

export function Owners({
  merchantId,
  isSuspended,
}: {
  merchantId: string;
  /** nobody of the merchant can sign in, so no help to sign in is offered */
  isSuspended: boolean;
}) {
  const { t } = useText();
  const found = useQuery({
    queryKey: ['merchants', 'owners', merchantId],
    queryFn: () =>
      get('/api/operator/v1/merchants/{merchant_id}/owners', {
        path: { merchant_id: merchantId },
      }),
    refetchInterval: LOOK_AGAIN_MS,
  });
  if (found.isPending) return <Loading rows={2} />;
  const limited = (owner: MerchantOwner) =>
    owner.limited_until !== null && new Date(owner.limited_until).getTime() > Date.now();
  return (
    <Card title={t('cockpit.owners')}>
      {isSuspended ? <p className="soft">{t('cockpit.owners_suspended')}</p> : null}
      {found.isLoadingError ? (
        <Failure error={found.error} retry={() => void found.refetch()} />
      ) : (
        <ul className="rowcards">
          {found.data.items.map((owner) => (
            <li key={owner.user_id} className="stack">
              <div className="row">
                <strong className="mono" data-verbatim>
                  {owner.login}
                </strong>
                <State owner={owner} isSuspended={isSuspended} />
              </div>
              {owner.link_until && !isSuspended ? (
                <span className="soft small">
                  {t('cockpit.link_waits', { until: at(owner.link_until) })}
                </span>
              ) : null}
              {limited(owner) && owner.limited_until ? (
                <span className="soft small">
                  {t('cockpit.limited', { until: at(owner.limited_until) })}
                </span>
              ) : null}
              {owner.is_enabled && !isSuspended ? (
                <div>
                  <Reset merchantId={merchantId} owner={owner} />
                </div>
              ) : null}
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}

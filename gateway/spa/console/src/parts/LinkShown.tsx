/** A new one-time link: it is shown once, and handed to its person. */
import { chinaTime } from '@shared/time';
import { Alert } from 'antd';
import type { ReactNode } from 'react';
import type { PasswordLink } from '../api/shapes';
import { useText } from '../texts';
import { Facts, Id } from './bits';

/** The page of the link; the part after the # is never sent to a server. */
export const LINK_PAGE = '/password';

export function LinkShown({
  login,
  link,
  handle,
}: {
  login: string;
  link: PasswordLink;
  /** the merchant that was created with the account */
  handle?: string;
}) {
  const { t } = useText();
  const address = `${window.location.origin}${LINK_PAGE}#${link.token}`;
  return (
    <div className="stack">
      <Alert type="warning" showIcon title={t('link.once')} />
      <Facts
        rows={[
          ...(handle
            ? ([
                [
                  t('merchant.handle'),
                  <Id key="handle" value={handle} label={t('merchant.handle')} />,
                ],
              ] as [string, ReactNode][])
            : []),
          [t('staff.login'), <Id key="login" value={login} label={t('staff.login')} />],
          [t('link.link'), <Id key="link" value={address} label={t('link.link')} />],
          [t('link.until'), chinaTime(link.expires_at)],
        ]}
      />
      <p className="soft">{t('link.new')}</p>
    </div>
  );
}

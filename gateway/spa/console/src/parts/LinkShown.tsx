/** A one-time link, right after it was made: it is told once, and handed to its person. */
import { chinaTime } from '@shared/time';
import { Alert } from 'antd';
import type { ReactNode } from 'react';
import type { PasswordLink } from '../api/shapes';
import { useText } from '../texts';
import { Facts, Id } from './bits';

/** The page behind the link; what stands after the # never reaches a server's log. */
export const LINK_PAGE = '/password';

export function LinkShown({
  login,
  link,
  handle,
}: {
  login: string;
  link: PasswordLink;
  /** of a merchant that was made with the account */
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

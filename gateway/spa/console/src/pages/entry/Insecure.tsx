/** The console was opened over plain http under another name than this machine's own. A browser
 * would not store the session's cookie there, so nobody could sign in. This page says so,
 * instead of a failure after the password. */
import { Alert } from 'antd';
import { Entrance } from '../../session/Entrance';
import { useText } from '../../texts';

export default function Insecure() {
  const { t } = useText();
  const { host, port, pathname } = window.location;
  const local = `http://127.0.0.1${port ? `:${port}` : ''}/`;
  return (
    <Entrance title={t('insecure.title')}>
      <Alert
        type="warning"
        showIcon
        title={t('insecure.why')}
        description={
          <ul>
            <li>{t('insecure.https', { address: `https://${host}${pathname}` })}</li>
            <li>
              {t('insecure.local')}{' '}
              <a href={local} style={{ textDecoration: 'underline' }}>
                {local}
              </a>
            </li>
          </ul>
        }
      />
    </Entrance>
  );
}

/** How a terminal is enrolled; in the sandbox also without a terminal. */
import { Link } from 'react-router';
import { CopyButton } from '../../parts/bits';
import { useAbout } from '../../parts/sandbox';
import { useText } from '../../texts';

const COMMAND = '.venv/bin/python -m deploy.sandbox.dragonfly enrol';

export function SandboxCommand() {
  const { t } = useText();
  const about = useAbout();
  if (!about.data?.is_sandbox) return null;
  return (
    <div>
      <p>{t('devices.how_sandbox')}</p>
      <p className="copyable">
        <code data-verbatim>{COMMAND}</code>
        <CopyButton text={COMMAND} />
      </p>
      <p>
        <Link to="/cashier">{t('devices.how_browser')}</Link>
      </p>
    </div>
  );
}

export function HowTo() {
  const { t } = useText();
  return (
    <details>
      <summary>{t('devices.how')}</summary>
      <ol className="how">
        <li>{t('devices.how_1')}</li>
        <li>{t('devices.how_2')}</li>
        <li>{t('devices.how_3')}</li>
      </ol>
      <SandboxCommand />
    </details>
  );
}

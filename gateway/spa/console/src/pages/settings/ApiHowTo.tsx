/** How a point of sale uses an API key: the paths, the headers, and an example program. */
import { CopyButton } from '../../parts/bits';
import { useText } from '../../texts';
import { example, ORDERS } from './apiExample';

const HEADERS = [
  ['X-DF-Key', 'keys_api.header_key'],
  ['X-DF-Timestamp', 'keys_api.header_timestamp'],
  ['X-DF-Nonce', 'keys_api.header_nonce'],
  ['X-DF-Signature', 'keys_api.header_signature'],
] as const;
const REFERENCE = 'docs/pos.md';

export function ApiHowTo() {
  const { t } = useText();
  const program = example(window.location.origin, t('keys_api.your_id'), t('keys_api.your_secret'));
  const label = t('keys_api.example');
  return (
    <details className="block">
      <summary>{t('keys_api.how')}</summary>
      <div className="stack how">
        <p>{t('keys_api.how_doors')}</p>
        <ul data-verbatim className="mono">
          <li>GET {ORDERS}</li>
          <li>
            GET {ORDERS}/{'{order_no}'}
          </li>
        </ul>
        <p>{t('keys_api.how_signed')}</p>
        <table className="plain">
          <thead>
            <tr>
              <th scope="col">{t('keys_api.header')}</th>
              <th scope="col">{t('keys_api.holds')}</th>
            </tr>
          </thead>
          <tbody>
            {HEADERS.map(([name, holds]) => (
              <tr key={name}>
                <td className="mono nowrap" data-verbatim>
                  {name}
                </td>
                <td>{t(holds)}</td>
              </tr>
            ))}
          </tbody>
        </table>
        <div className="row">
          <strong>{label}</strong>
          <CopyButton text={program} label={label} />
        </div>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, also by the keyboard */}
        <pre className="keybox mono" tabIndex={0} data-verbatim>
          {program}
        </pre>
        <p className="soft">
          {t('keys_api.reference')} <code data-verbatim>{REFERENCE}</code>
        </p>
      </div>
    </details>
  );
}

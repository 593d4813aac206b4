/** The findings of the key doctor, each with its remedy. */
import { CheckCircleFilled, CloseCircleFilled, ExclamationCircleFilled } from '@ant-design/icons';
import { inLanguage } from '@shared/problem';
import type { Finding } from '../../../api/shapes';
import { word } from '../../../parts/words';
import { isText, useText } from '../../../texts';

const ICONS = {
  ok: <CheckCircleFilled />,
  warn: <ExclamationCircleFilled />,
  error: <CloseCircleFilled />,
};

export function Findings({ findings }: { findings: Finding[] }) {
  const { t, language } = useText();
  return (
    <ul className="findings" aria-live="polite">
      {findings.map((one) => (
        <li key={`${one.field}${one.code}`} className={one.level}>
          <span className="icon" aria-hidden="true">
            {ICONS[one.level]}
          </span>
          <div>
            {isText(`finding.${one.field}`) ? (
              <span className="soft small">{word(t, 'finding', one.field)}</span>
            ) : null}
            <b>{inLanguage(one.title, language)}</b>
            {one.remedy ? <p>{inLanguage(one.remedy, language)}</p> : null}
          </div>
        </li>
      ))}
    </ul>
  );
}

/** The layout of pages before the sign-in: our brand on the left, one form on the right. */
import type { ReactNode } from 'react';
import mark from '../../../shared/mark.svg';
import { Brand, LanguageButton, ThemeButton } from '../parts/pieces';
import { useTabTitle } from '../parts/tabTitle';
import { useText } from '../texts';

export function Entrance({ title, children }: { title: string; children: ReactNode }) {
  const { t } = useText();
  useTabTitle(title);
  return (
    <div className="login app">
      <div className="login-hero">
        <Brand />
        <ul>
          <li>{t('login.point1')}</li>
          <li>{t('login.point2')}</li>
          <li>{t('login.point3')}</li>
        </ul>
        <img className="wings" src={mark} alt="" />
      </div>
      <main className="login-form">
        <div className="login-top">
          <LanguageButton />
          <ThemeButton />
        </div>
        <div className="login-brand">
          <Brand />
        </div>
        <h1>{title}</h1>
        {children}
      </main>
    </div>
  );
}

/** The frame around every page: menu, header, banners, shortcuts. */
import { LogoutOutlined, MenuOutlined, UserOutlined } from '@ant-design/icons';
import { chinaTime, ZONE } from '@shared/time';
import { useQuery } from '@tanstack/react-query';
import { Button, Drawer, Dropdown, Grid, Menu, Select } from 'antd';
import { Suspense, useState } from 'react';
import { Link, Outlet, useLocation, useNavigate } from 'react-router';
import { get } from '../api/client';
import { useStores } from '../lookups/stores';
import { Brand, LanguageButton, ThemeButton } from '../parts/pieces';
import { SandboxLink, useAbout } from '../parts/sandbox';
import { Crash, Loading } from '../parts/states';
import { word } from '../parts/words';
import { SignInAgain } from '../session/SignInAgain';
import { StepUp } from '../session/StepUp';
import { useSession, useSignOut } from '../session/session';
import { useText } from '../texts';
import { ActingRibbon } from './ActingRibbon';
import { type MenuEntry, menuFor } from './menu';
import { useOnline } from './online';
import { Shortcuts } from './Shortcuts';

function useMenu(entries: MenuEntry[], go: (to: string | null) => void) {
  const { t } = useText();
  const { pathname } = useLocation();
  const leaves = entries.flatMap((entry) => entry.children ?? [entry]);
  const selected = leaves
    .filter((leaf) => pathname === leaf.key || pathname.startsWith(`${leaf.key}/`))
    .sort((a, b) => b.key.length - a.key.length)[0];
  return (
    <nav aria-label={t('app.menu')}>
      <Menu
        mode="inline"
        selectedKeys={selected ? [selected.key] : []}
        defaultOpenKeys={entries.filter((entry) => entry.children).map((entry) => entry.key)}
        onClick={({ key, domEvent }) => {
          // The link handles a click itself, also into another tab; only a key comes here.
          const isLink = (domEvent.target as Element).closest('a') !== null;
          go(isLink ? null : key);
        }}
        items={entries.map((entry) => ({
          key: entry.key,
          icon: entry.icon,
          label: entry.children ? t(entry.text) : <Link to={entry.key}>{t(entry.text)}</Link>,
          ...(entry.children
            ? {
                children: entry.children.map((leaf) => ({
                  key: leaf.key,
                  label: <Link to={leaf.key}>{t(leaf.text)}</Link>,
                })),
              }
            : {}),
        }))}
      />
    </nav>
  );
}

function AccountMenu({ isNarrow }: { isNarrow: boolean }) {
  const { t } = useText();
  const { console, session, merchantName } = useSession();
  const signOut = useSignOut();
  const navigate = useNavigate();
  const own = useQuery({
    queryKey: ['merchant'],
    queryFn: () => get('/api/merchant/v1/merchant'),
    enabled: merchantName !== null,
    staleTime: 60_000,
  });
  const support = own.data?.support_contact;
  return (
    <Dropdown
      trigger={['click']}
      menu={{
        items: [
          ...(support
            ? [
                {
                  key: 'support',
                  type: 'group' as const,
                  label: t('app.support', { contact: support }),
                },
              ]
            : []),
          {
            key: 'account',
            icon: <UserOutlined />,
            label: <Link to="/account">{t('menu.account')}</Link>,
          },
          { key: 'out', icon: <LogoutOutlined />, label: t('app.sign_out') },
        ],
        onClick: ({ key, domEvent }) => {
          if (key === 'out') void signOut(console);
          else if (!(domEvent.target as Element).closest('a')) navigate('/account');
        },
      }}
    >
      <Button
        type="text"
        icon={<UserOutlined />}
        {...(isNarrow ? { 'aria-label': t('app.account') } : {})}
      >
        {isNarrow ? null : session.user.name || session.user.login}
      </Button>
    </Dropdown>
  );
}

function Header({ onMenu, isNarrow }: { onMenu: () => void; isNarrow: boolean }) {
  const { t } = useText();
  const { session, merchantName } = useSession();
  const { storeId, stores, choose } = useStores();
  const edition = session.merchant?.edition;
  return (
    <header className="bar">
      {isNarrow ? (
        <Button
          type="text"
          icon={<MenuOutlined />}
          aria-label={t('app.open_menu')}
          onClick={onMenu}
        />
      ) : null}
      <div className="bar-name">
        <strong title={merchantName ?? ''}>{merchantName ?? t('login.operator')}</strong>
        {edition ? <span className="soft small">{word(t, 'edition', edition)}</span> : null}
      </div>
      {stores.length > 1 && !isNarrow ? <StoreSelect value={storeId} onChange={choose} /> : null}
      <div className="push">
        <LanguageButton />
        <ThemeButton />
        <AccountMenu isNarrow={isNarrow} />
      </div>
    </header>
  );
}

function StoreSelect({
  value,
  onChange,
}: {
  value: string | undefined;
  onChange: (storeId: string | undefined) => void;
}) {
  const { t } = useText();
  const { stores } = useStores();
  return (
    <Select
      className="store-select"
      aria-label={t('app.store_switch')}
      value={value ?? ''}
      popupMatchSelectWidth={false}
      showSearch={{ optionFilterProp: 'label' }}
      onChange={(next) => onChange(next || undefined)}
      options={[
        { value: '', label: t('app.all_stores') },
        ...stores.map((store) => ({ value: store.store_id, label: store.name })),
      ]}
    />
  );
}

/** What every page shows: the place, and anything unusual. */
function Ribbons() {
  const { t } = useText();
  const { session } = useSession();
  const about = useAbout();
  const isOnline = useOnline();
  return (
    <>
      {about.data?.is_sandbox ? (
        <output className="ribbon">
          <span>{t('app.sandbox')}</span>
          <SandboxLink />
        </output>
      ) : null}
      {isOnline ? null : <output className="ribbon offline">{t('error.offline')}</output>}
      <ActingRibbon />
      {session.limited_until ? (
        <output className="ribbon">
          {t('limited.note', { until: `${chinaTime(session.limited_until)} ${ZONE}` })}
        </output>
      ) : null}
    </>
  );
}

export function Shell() {
  const { t } = useText();
  const { console, session, can } = useSession();
  const { storeId, stores, choose } = useStores();
  const [isDrawn, setDrawn] = useState(false);
  const isNarrow = Grid.useBreakpoint().lg === false;
  const navigate = useNavigate();
  const { pathname } = useLocation();
  const menu = useMenu(menuFor(console, Boolean(session.acting), can), (to) => {
    setDrawn(false);
    if (to) navigate(to);
  });
  return (
    <div className="shell app">
      <a className="skip" href="#content">
        {t('app.skip')}
      </a>
      {isNarrow ? null : (
        <div className="shell-side">
          <Brand />
          {menu}
        </div>
      )}
      <Drawer
        open={isNarrow && isDrawn}
        placement="left"
        size={272}
        onClose={() => setDrawn(false)}
        title={t('app.name')}
        className="drawer-menu"
        closable={{ 'aria-label': t('do.close') }}
      >
        {stores.length > 1 ? <StoreSelect value={storeId} onChange={choose} /> : null}
        {menu}
      </Drawer>
      <div className="shell-main">
        <Header isNarrow={isNarrow} onMenu={() => setDrawn(true)} />
        <Ribbons />
        <main className="content" id="content" tabIndex={-1}>
          <Crash key={pathname}>
            <Suspense fallback={<Loading />}>
              <Outlet />
            </Suspense>
          </Crash>
        </main>
      </div>
      <StepUp />
      <SignInAgain />
      <Shortcuts />
    </div>
  );
}

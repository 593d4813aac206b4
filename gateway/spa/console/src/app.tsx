/** Providers around everything, and which page an address shows. */

import { ApiProblem } from '@shared/problem';
import { MutationCache, QueryClient, QueryClientProvider, useQuery } from '@tanstack/react-query';
import { App as AntApp, ConfigProvider } from 'antd';
import enUS from 'antd/locale/en_US';
import zhCN from 'antd/locale/zh_CN';
import { Suspense, useLayoutEffect } from 'react';
import { BrowserRouter, matchPath, Navigate, Route, Routes, useLocation } from 'react-router';
import { arrived, type Console, csrf, get, Unheard } from './api/client';
import { StoreProvider } from './lookups/stores';
import { nonce } from './nonce';
import { ACCOUNT, ENTRY, HOME, PAGES, type Page } from './pages/registry';
import { PageHead } from './parts/bits';
import { GoButton } from './parts/GoButton';
import { LINK_PAGE } from './parts/LinkShown';
import type { Lazily } from './parts/lazily';
import { Calm, Crash, Failure, Starting } from './parts/states';
import { AtOnePlace } from './session/Place';
import { SessionProvider, useSession, useWho, WHO } from './session/session';
import { isTrusted } from './session/trusted';
import { firstPage, menuFor } from './shell/menu';
import { Shell } from './shell/Shell';
import { useText } from './texts';
import { useTheme } from './theme';

/** At that address, for whoever seems to be there. */
export function pageAt(pathname: string): Lazily<object> {
  if (pathname === LINK_PAGE) return ENTRY.choosePassword;
  if (!csrf.get()) return ENTRY.login;
  const exact = PAGES.find(({ path }) => path === pathname);
  const like = PAGES.find(({ path }) => matchPath(path, pathname));
  return (exact ?? like ?? HOME).page;
}

const FIRST_OF_ALL = {
  queryKey: ['first-run'],
  queryFn: () => get('/api/operator/v1/first-run'),
  retry: false,
  staleTime: Number.POSITIVE_INFINITY,
};

/** Before anything is drawn: who is there, and the code of the page they will see. */
export function begin(queries: QueryClient, pathname: string): void {
  pageAt(pathname).fetch();
  if (pathname === LINK_PAGE || !isTrusted()) return;
  void queries.prefetchQuery(WHO);
  if (!csrf.get()) void queries.prefetchQuery(FIRST_OF_ALL);
}

/** Whether a console has the page; an operator who acts for a merchant has that merchant's, too. */
function isOf({ consoles }: Page, console: Console, isActing: boolean): boolean {
  return Boolean(consoles[console] ?? (isActing && consoles.merchant));
}

/** What was not answered may still be under way: looked at now, and again when it must be over. */
const LOOKS_MS = [0, 3_000, 20_000];

export function makeQueries(): QueryClient {
  const lookAgain = () =>
    queries.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] !== 'who' });
  const queries = new QueryClient({
    mutationCache: new MutationCache({
      onError: (error) => {
        if (!(error instanceof Unheard)) return;
        for (const ms of LOOKS_MS) setTimeout(() => void lookAgain(), ms);
      },
    }),
    defaultOptions: {
      // Without a network a call fails and says so, instead of waiting for one in silence.
      mutations: { networkMode: 'always' },
      queries: {
        networkMode: 'always',
        refetchOnReconnect: true,
        staleTime: 10_000,
        refetchOnWindowFocus: false,
        retry: (count, error) => count < 2 && error instanceof ApiProblem && error.status >= 502,
      },
    },
  });
  return queries;
}

/** An address that shows nothing here; perhaps somebody sent it on from the other console. */
function NoPage({ first }: { first: string }) {
  const { t } = useText();
  const { console } = useSession();
  const { pathname } = useLocation();
  const other = console === 'operator' ? 'merchant' : 'operator';
  const isElsewhere = PAGES.some((page) => page.consoles[other] && matchPath(page.path, pathname));
  return (
    <>
      <PageHead title={t('error.no_page')} />
      <Calm
        title={t(isElsewhere ? `error.page_not_of_${console}` : 'error.no_page_hint')}
        action={
          <GoButton type="primary" to={first}>
            {t('error.go_home')}
          </GoButton>
        }
      />
    </>
  );
}

function Inside() {
  const { console, session, can } = useSession();
  const isActing = Boolean(session.acting);
  const first = firstPage(menuFor(console, isActing, can));
  const pages = PAGES.filter((page) => page !== HOME && isOf(page, console, isActing));
  if (session.needs_second_factor) {
    // Until it is set up nothing else is allowed.
    return (
      <Routes>
        <Route element={<Shell />}>
          <Route path={ACCOUNT.path} element={<ACCOUNT.page />} />
          <Route path="*" element={<Navigate to={ACCOUNT.path} replace />} />
        </Route>
      </Routes>
    );
  }
  return (
    <Routes>
      <Route element={<Shell />}>
        <Route path="/" element={first === '/' ? <HOME.page /> : <Navigate to={first} replace />} />
        {pages.map(({ path, page: Page }) => (
          <Route key={path} path={path} element={<Page />} />
        ))}
        <Route path="/login" element={<Navigate to="/" replace />} />
        <Route path="/first-run" element={<Navigate to="/" replace />} />
        <Route path="*" element={<NoPage first={first} />} />
      </Route>
    </Routes>
  );
}

/** Nobody is signed in: the sign-in, unless there is nobody yet who could. */
function Entry() {
  // The page of whoever signed out is gone by now, and this one asks for nothing sooner.
  useLayoutEffect(arrived, []);
  const first = useQuery(FIRST_OF_ALL);
  if (first.isPending) return <Starting />;
  return first.data?.is_needed ? <ENTRY.firstRun /> : <ENTRY.login />;
}

function Gate() {
  const { pathname } = useLocation();
  if (!isTrusted()) return <ENTRY.insecure />;
  return pathname === LINK_PAGE ? <ENTRY.choosePassword /> : <Inner />;
}

function Inner() {
  const who = useWho();
  if (who.isPending) return <Starting />;
  // Asked again in vain: what is known goes on.
  if (who.data === undefined) return <Failure error={who.error} retry={() => void who.refetch()} />;
  if (!who.data) return <Entry />;
  return (
    <AtOnePlace found={who.data}>
      <SessionProvider found={who.data}>
        <StoreProvider>
          <Inside />
        </StoreProvider>
      </SessionProvider>
    </AtOnePlace>
  );
}

export function Providers({ queries }: { queries: QueryClient }) {
  const { language } = useText();
  const { config } = useTheme();
  return (
    <ConfigProvider
      theme={config}
      locale={language === 'en' ? enUS : zhCN}
      csp={{ nonce }}
      button={{ autoInsertSpace: false }}
      form={{ scrollToFirstError: { block: 'center', focus: true } }}
    >
      <AntApp component={false}>
        <QueryClientProvider client={queries}>
          <Crash>
            <Suspense fallback={<Starting />}>
              <BrowserRouter>
                <Gate />
              </BrowserRouter>
            </Suspense>
          </Crash>
        </QueryClientProvider>
      </AntApp>
    </ConfigProvider>
  );
}

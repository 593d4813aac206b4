/** The providers around all pages, and the page for each address. */

import { ApiProblem } from '@shared/problem';
import {
  MutationCache,
  type QueryClient,
  QueryClientProvider,
  useQuery,
} from '@tanstack/react-query';
import { App as AntApp, ConfigProvider } from 'antd';
import enUS from 'antd/locale/en_US';
import zhCN from 'antd/locale/zh_CN';
import { Suspense, useLayoutEffect } from 'react';
import { BrowserRouter, matchPath, Navigate, Route, Routes, useLocation } from 'react-router';
import { arrived, type Console, csrf, get, OutcomeUnknown } from './api/client';
import { Queries } from './api/queries';
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

/** The page at that address, for the person who seems to be signed in. */
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

/** Loaded before anything is drawn: who is signed in, and the code of the first page. */
export function begin(queries: QueryClient, pathname: string): void {
  pageAt(pathname).fetch();
  if (pathname === LINK_PAGE || !isTrusted()) return;
  void queries.prefetchQuery(WHO);
  if (!csrf.get()) void queries.prefetchQuery(FIRST_OF_ALL);
}

/** Whether a console has the page. An operator who acts for a merchant also has the merchant's
 * pages. */
function isOf({ consoles }: Page, console: Console, isActing: boolean): boolean {
  return Boolean(consoles[console] ?? (isActing && consoles.merchant));
}

/** When the outcome of a request is unknown, it may still be under way: data is loaded again at
 * once, a little later, and when the request must be over. */
const LOOKS_MS = [0, 3_000, 20_000];

export function makeQueries(): QueryClient {
  const lookAgain = () =>
    queries.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] !== 'who' });
  const queries = new Queries({
    mutationCache: new MutationCache({
      onError: (error) => {
        if (!(error instanceof OutcomeUnknown)) return;
        for (const ms of LOOKS_MS) setTimeout(() => void lookAgain(), ms);
      },
    }),
    defaultOptions: {
      // Without a network a call fails at once and is reported, instead of waiting without a word.
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

/** An address without a page here; perhaps the link was made in the other console. */
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
    // Until the second factor is set up, nothing else is allowed.
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

/** Nobody is signed in: shows the sign-in, or the first run when there is no operator yet. */
function Entry() {
  // The page of the former session is gone, so reads may start again.
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
  // If a later check fails, the known session stays in use.
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

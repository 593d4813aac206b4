/** Providers around everything, and which page an address shows. */

import { ApiProblem } from '@shared/problem';
import { MutationCache, QueryClient, QueryClientProvider, useQuery } from '@tanstack/react-query';
import { App as AntApp, ConfigProvider } from 'antd';
import enUS from 'antd/locale/en_US';
import zhCN from 'antd/locale/zh_CN';
import { Suspense, useLayoutEffect } from 'react';
import { BrowserRouter, matchPath, Navigate, Route, Routes, useLocation } from 'react-router';
import { arrived, csrf, get, Unheard } from './api/client';
import { nonce } from './nonce';
import { PageHead } from './parts/bits';
import { GoButton } from './parts/GoButton';
import { LINK_PAGE } from './parts/LinkShown';
import { type Lazily, lazily } from './parts/lazily';
import { Calm, Crash, Failure, Starting } from './parts/states';
import { AtOnePlace } from './session/Place';
import { SessionProvider, useSession, useWho, WHO } from './session/session';
import { isTrusted } from './session/trusted';
import { firstPage, menuFor } from './shell/menu';
import { Shell } from './shell/Shell';
import { StoreProvider } from './shell/stores';
import { useText } from './texts';
import { useTheme } from './theme';

const Login = lazily(() => import('./session/Login'));
const FirstRun = lazily(() => import('./session/FirstRun'));
const Insecure = lazily(() => import('./session/Insecure'));
const ChoosePassword = lazily(() => import('./session/ChoosePassword'));
const Home = lazily(() => import('./pages/home/Home'));
const Orders = lazily(() => import('./pages/orders/Orders'));
const Refunds = lazily(() => import('./pages/orders/Refunds'));
const Onboarding = lazily(() => import('./pages/onboarding/Onboarding'));
const MiniProgram = lazily(() => import('./pages/binding/MiniProgram'));
const Dragonfly = lazily(() => import('./pages/binding/Dragonfly'));
const Cashier = lazily(() => import('./pages/cashier/Cashier'));
const Devices = lazily(() => import('./pages/devices/Devices'));
const Stores = lazily(() => import('./pages/people/Stores'));
const Staff = lazily(() => import('./pages/people/Staff'));
const ApiKeys = lazily(() => import('./pages/people/ApiKeys'));
const Wechat = lazily(() => import('./pages/people/Wechat'));
const Merchant = lazily(() => import('./pages/people/Merchant'));
const Account = lazily(() => import('./pages/people/Account'));
const Audit = lazily(() => import('./pages/audit/Audit'));
const Merchants = lazily(() => import('./pages/operator/Merchants'));
const MerchantPage = lazily(() => import('./pages/operator/MerchantPage'));
const Grants = lazily(() => import('./pages/acting/Grants'));
const Notices = lazily(() => import('./pages/operator/Notices'));
const Refusals = lazily(() => import('./pages/operator/Refusals'));

type Pages = Record<string, Lazily<object>>;
const OF_MERCHANTS: Pages = {
  '/orders': Orders,
  '/orders/:orderNo': Orders,
  '/orders/refunds': Refunds,
  '/onboarding': Onboarding,
  '/miniprogram': MiniProgram,
  '/dragonfly': Dragonfly,
  '/devices': Devices,
  '/cashier': Cashier,
  '/stores': Stores,
  '/api-keys': ApiKeys,
  '/settings/wechat': Wechat,
  '/settings/merchant': Merchant,
};
const OF_OPERATORS: Pages = {
  '/merchants': Merchants,
  '/merchants/:merchantId': MerchantPage,
  '/grants': Grants,
  '/notices': Notices,
  '/notices/refused': Refusals,
};
const OF_BOTH: Pages = { '/staff': Staff, '/audit': Audit, '/account': Account };

/** At that address, for whoever seems to be there. */
export function pageAt(pathname: string): Lazily<object> {
  if (pathname === LINK_PAGE) return ChoosePassword;
  if (!csrf.get()) return Login;
  const pages: Pages = { '/': Home, ...OF_MERCHANTS, ...OF_OPERATORS, ...OF_BOTH };
  const like = Object.keys(pages).find((path) => matchPath(path, pathname));
  return pages[pathname] ?? pages[like ?? '/'] ?? Home;
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

function routes(pages: Pages) {
  return Object.entries(pages).map(([path, Page]) => (
    <Route key={path} path={path} element={<Page />} />
  ));
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
  const others = console === 'operator' ? OF_MERCHANTS : OF_OPERATORS;
  const isElsewhere = Object.keys(others).some((path) => matchPath(path, pathname));
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
  const first = firstPage(menuFor(console, Boolean(session.acting), can));
  if (session.needs_second_factor) {
    // Until it is set up nothing else is allowed.
    return (
      <Routes>
        <Route element={<Shell />}>
          <Route path="/account" element={<Account />} />
          <Route path="*" element={<Navigate to="/account" replace />} />
        </Route>
      </Routes>
    );
  }
  return (
    <Routes>
      <Route element={<Shell />}>
        <Route path="/" element={first === '/' ? <Home /> : <Navigate to={first} replace />} />
        {console === 'merchant' || session.acting ? routes(OF_MERCHANTS) : null}
        {console === 'operator' ? routes(OF_OPERATORS) : null}
        {routes(OF_BOTH)}
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
  return first.data?.is_needed ? <FirstRun /> : <Login />;
}

function Gate() {
  const { pathname } = useLocation();
  if (!isTrusted()) return <Insecure />;
  return pathname === LINK_PAGE ? <ChoosePassword /> : <Inner />;
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

/** The sandbox that plays Alipay, where there is one: its page, and links that lead there. */
import { useQuery } from '@tanstack/react-query';
import { Button } from 'antd';
import { get } from '../api/client';
import { useText } from '../texts';

/** What anybody may know of this installation; it does not change while the page is open. */
export function useAbout() {
  return useQuery({
    queryKey: ['about'],
    queryFn: () => get('/api/public/v1/about'),
    staleTime: Number.POSITIVE_INFINITY,
  });
}

/** The parts of the sandbox's page. */
type Tab = 'trades' | 'requests' | 'switches' | 'platform' | 'devices';

/** The address of the sandbox's page at that part, and there at that app; null where Alipay is the
 * real one. */
export function useSandboxPage(tab?: Tab, appId?: string | null): string | null {
  const page = useAbout().data?.sandbox_page ?? null;
  const place = [tab, appId].filter(Boolean).join('/');
  return page === null ? null : `${page}${place ? `#${place}` : ''}`;
}

/** A plain link, for running text and for the banner. */
export function SandboxLink({ tab }: { tab?: Tab }) {
  const { t } = useText();
  const page = useSandboxPage(tab);
  if (page === null) return null;
  return (
    <a
      href={page}
      target="_blank"
      rel="noreferrer noopener"
      // It also stands in running text, where colour alone would not tell it.
      style={{ textDecoration: 'underline' }}
      aria-label={`${t('sandbox.open')}${t('sandbox.new_tab')}`}
    >
      {t('sandbox.open')}
    </a>
  );
}

/** "Go to Alipay": the given page of the open platform, or in the sandbox the one that plays it. */
export function ToAlipay({
  url,
  text,
  tab,
  appId = null,
}: {
  url: string;
  text: string;
  tab?: Tab;
  /** which one is marked there */
  appId?: string | null;
}) {
  const { t } = useText();
  const page = useSandboxPage(tab ?? 'platform', appId);
  return (
    <Button href={page ?? url} target="_blank" rel="noreferrer noopener">
      {page === null ? text : t('sandbox.go')}
    </Button>
  );
}

/** The sandbox that simulates Alipay, if there is one: its page, and links to it. */
import { useQuery } from '@tanstack/react-query';
import { Button } from 'antd';
import { get } from '../api/client';
import { useText } from '../texts';

/** Public facts of this installation; they do not change while the page is open. */
export function useAbout() {
  return useQuery({
    queryKey: ['about'],
    queryFn: () => get('/api/public/v1/about'),
    staleTime: Number.POSITIVE_INFINITY,
  });
}

/** The parts of the sandbox's page. */
type Tab = 'trades' | 'requests' | 'switches' | 'platform' | 'devices';

/** The address of that part of the sandbox's page, and there of that app; null with the real
 * Alipay. */
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
      // In running text colour alone would not mark it as a link.
      style={{ textDecoration: 'underline' }}
      aria-label={`${t('sandbox.open')}${t('sandbox.new_tab')}`}
    >
      {t('sandbox.open')}
    </a>
  );
}

/** "Go to Alipay": opens the given page of the open platform, or in the sandbox the page that
 * simulates it. */
export function ToAlipay({
  url,
  text,
  tab,
  appId = null,
}: {
  url: string;
  text: string;
  tab?: Tab;
  /** the item that is marked there */
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

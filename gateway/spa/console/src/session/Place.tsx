/** Binds a window to its person and merchant. When another person or merchant gets the same
 * cookie, the open page stops and says what has happened. */
import { useQueryClient } from '@tanstack/react-query';
import { Button } from 'antd';
import { type ReactNode, useEffect, useRef } from 'react';
import { type Console, shown } from '../api/client';
import type { Session } from '../api/shapes';
import { type TextKey, useText } from '../texts';
import { Entrance } from './Entrance';
import { openAnew } from './windows';

interface Found {
  console: Console;
  session: Session;
}

interface Place {
  userId: string;
  merchantId: string | null;
  merchantName: string;
  isActing: boolean;
}

function placeOf({ session }: Found): Place {
  const { acting, merchant, user } = session;
  return {
    userId: user.user_id,
    merchantId: acting?.merchant_id ?? merchant?.merchant_id ?? null,
    merchantName: acting?.merchant_name ?? merchant?.name ?? '',
    isActing: Boolean(acting),
  };
}

const isSame = (one: Place, other: Place) =>
  one.userId === other.userId && one.merchantId === other.merchantId;

/** The person and merchant of this window's last page: data that was loaded for them is not used
 * for others. */
let last: Place | null = null;

export function AtOnePlace({ found, children }: { found: Found; children: ReactNode }) {
  const queries = useQueryClient();
  const now = placeOf(found);
  const begun = useRef<Place | null>(null);
  if (begun.current === null) {
    if (last && !isSame(last, now))
      queries.removeQueries({ predicate: (query) => query.queryKey[0] !== 'who' });
    last = begun.current = now;
    // Before the pages load anything.
    shown.merchantId = now.merchantId;
  }
  useEffect(() => {
    shown.merchantId = begun.current?.merchantId ?? null;
    return () => {
      shown.merchantId = null;
    };
  }, []);
  if (!isSame(begun.current, now)) return <Elsewhere was={begun.current} now={now} />;
  return children;
}

/** The texts (title, explanation, button) and the address of the button. */
function textsOf(was: Place, now: Place): { texts: [TextKey, TextKey, TextKey]; to: string } {
  if (was.userId !== now.userId)
    return { texts: ['place.other', 'place.other_why', 'place.go_on'], to: '/' };
  if (now.isActing)
    return { texts: ['place.acting', 'place.acting_why', 'place.act_here'], to: '/' };
  return {
    texts: ['place.over', 'place.over_why', 'place.back'],
    to: was.merchantId ? `/merchants/${was.merchantId}` : '/',
  };
}

function Elsewhere({ was, now }: { was: Place; now: Place }) {
  const { t } = useText();
  const { texts, to } = textsOf(was, now);
  const [title, why, label] = texts.map((key) =>
    t(key, { was: was.merchantName || t('login.operator'), now: now.merchantName }),
  ) as [string, string, string];
  return (
    <Entrance title={title}>
      <p role="alert">{why}</p>
      <Button type="primary" size="large" block onClick={() => openAnew(to)}>
        {label}
      </Button>
    </Entrance>
  );
}

/** Under a list: where one is in it, and the pages beside. */
import { LeftOutlined, RightOutlined } from '@ant-design/icons';
import { Button, Select } from 'antd';
import { useText } from '../../texts';
import { type Asked, PAGE_SIZES } from './filters';
import type { Listed } from './walk';

/** Where the page before begins; the first one is the top, where one sees what comes. */
function turnBack(asked: Asked, previous: string | null | undefined) {
  const step = previous ? { back: previous } : {};
  asked.turn(Math.max(1, asked.page - 1), asked.pageSize, step);
}

/** Of a list that is walked by a cursor and not counted. */
function Uncounted({ asked, found }: { asked: Asked; found: Listed<unknown> }) {
  const { t } = useText();
  const { next, previous } = found;
  return (
    <nav className="list-foot" aria-label={t('list.pages')}>
      {asked.isTop ? null : <Button onClick={() => asked.turn(1)}>{t('list.newest')}</Button>}
      <Button disabled={asked.isTop} onClick={() => turnBack(asked, previous)}>
        {t('list.newer')}
      </Button>
      <Button
        disabled={!next}
        onClick={() => asked.turn(asked.page + 1, asked.pageSize, { cursor: next })}
      >
        {t('list.older')}
      </Button>
    </nav>
  );
}

/** Pages by number. Where the list has cursors, too, they say where the next page begins: rows that
 * came in meanwhile push none out of sight, and none is shown twice. */
export function Foot({ asked, found }: { asked: Asked; found: Listed<unknown> }) {
  const { t } = useText();
  if (found.total === undefined && found.next !== undefined)
    return <Uncounted asked={asked} found={found} />;
  const total = found.total ?? found.items.length;
  const from = (asked.page - 1) * asked.pageSize + 1;
  const to = from + found.items.length - 1;
  const hasOlder = found.next === undefined ? to < total : found.next !== null;
  return (
    <nav className="list-foot" aria-label={t('list.pages')}>
      <span className="soft">
        {t('list.range', { from: Math.min(from, total), to: Math.min(to, total), total })}
      </span>
      {asked.isTop ? null : <Button onClick={() => asked.turn(1)}>{t('list.newest')}</Button>}
      <Select
        aria-label={t('list.page_size')}
        value={asked.pageSize}
        options={PAGE_SIZES.map((size) => ({ value: size, label: size }))}
        onChange={(size) => asked.turn(1, size)}
      />
      <Button
        icon={<LeftOutlined />}
        aria-label={t('list.previous')}
        disabled={asked.isTop}
        onClick={() => turnBack(asked, found.previous)}
      />
      <Button
        icon={<RightOutlined />}
        aria-label={t('list.next')}
        disabled={!hasOlder}
        onClick={() =>
          asked.turn(asked.page + 1, asked.pageSize, found.next ? { cursor: found.next } : {})
        }
      />
    </nav>
  );
}

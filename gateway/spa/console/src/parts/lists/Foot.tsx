/** Below a list: the position in it, and buttons to the pages beside. */
import { LeftOutlined, RightOutlined } from '@ant-design/icons';
import { Button, Select } from 'antd';
import { useText } from '../../texts';
import { type ListState, PAGE_SIZES } from './filters';
import type { Listed } from './walk';

/** The step to the previous page; the first page has no cursor, because new rows appear there. */
function turnBack(state: ListState, previous: string | null | undefined) {
  const step = previous ? { back: previous } : {};
  state.turn(Math.max(1, state.page - 1), state.pageSize, step);
}

/** For a list that is paged by cursor and not counted. */
function Uncounted({ state, found }: { state: ListState; found: Listed<unknown> }) {
  const { t } = useText();
  const { next, previous } = found;
  return (
    <nav className="list-foot" aria-label={t('list.pages')}>
      {state.isTop ? null : <Button onClick={() => state.turn(1)}>{t('list.newest')}</Button>}
      <Button disabled={state.isTop} onClick={() => turnBack(state, previous)}>
        {t('list.newer')}
      </Button>
      <Button
        disabled={!next}
        onClick={() => state.turn(state.page + 1, state.pageSize, { cursor: next })}
      >
        {t('list.older')}
      </Button>
    </nav>
  );
}

/** Pages by number. If the list has cursors, too, they tell where the next page begins: new rows
 * push none out of sight, and none is shown twice. */
export function Foot({ state, found }: { state: ListState; found: Listed<unknown> }) {
  const { t } = useText();
  if (found.total === undefined && found.next !== undefined)
    return <Uncounted state={state} found={found} />;
  const total = found.total ?? found.items.length;
  const from = (state.page - 1) * state.pageSize + 1;
  const to = from + found.items.length - 1;
  const hasOlder = found.next === undefined ? to < total : found.next !== null;
  return (
    <nav className="list-foot" aria-label={t('list.pages')}>
      <span className="soft">
        {t('list.range', { from: Math.min(from, total), to: Math.min(to, total), total })}
      </span>
      {state.isTop ? null : <Button onClick={() => state.turn(1)}>{t('list.newest')}</Button>}
      <Select
        aria-label={t('list.page_size')}
        value={state.pageSize}
        options={PAGE_SIZES.map((size) => ({ value: size, label: size }))}
        onChange={(size) => state.turn(1, size)}
      />
      <Button
        icon={<LeftOutlined />}
        aria-label={t('list.previous')}
        disabled={state.isTop}
        onClick={() => turnBack(state, found.previous)}
      />
      <Button
        icon={<RightOutlined />}
        aria-label={t('list.next')}
        disabled={!hasOlder}
        onClick={() =>
          state.turn(state.page + 1, state.pageSize, found.next ? { cursor: found.next } : {})
        }
      />
    </nav>
  );
}

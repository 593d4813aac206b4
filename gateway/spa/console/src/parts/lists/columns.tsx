/** The columns of a list: each person chooses them for this browser. */
import { SettingOutlined } from '@ant-design/icons';
import { Button, Checkbox, Grid, Popover } from 'antd';
import { type ReactNode, useState } from 'react';
import { useText } from '../../texts';
import type { Cell } from './csv';

export interface Column<T> {
  key: string;
  title: string;
  render: (row: T) => ReactNode;
  /** the cell in an export; a column without it is not exported */
  text?: (row: T) => Cell;
  align?: 'right';
  /** stays visible while the table scrolls: the actions of a row */
  isAction?: boolean;
  /** shown only if somebody chooses it */
  isExtra?: boolean;
}

const keyOf = (name: string) => `damselfly.columns.${name}`;

function kept(name: string): string[] | null {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(keyOf(name)) ?? 'null');
    return Array.isArray(found) ? found.filter((one) => typeof one === 'string') : null;
  } catch {
    return null;
  }
}

/** Whether a list shows its rows as cards. */
export const useIsNarrow = () => Grid.useBreakpoint().md === false;

/** The columns to show, and the button to choose them; no button if there is nothing to choose,
 * or on a phone, where a row is a card without columns. */
export function useColumns<T>(name: string, columns: Column<T>[], hasCards: boolean) {
  const { t } = useText();
  const [chosen, setChosen] = useState(() => kept(name));
  const isCards = useIsNarrow() && hasCards;
  const isChoosable = columns.some((one) => one.isExtra);
  const own = columns.filter((one) => !one.isAction);
  const usual = own.filter((one) => !one.isExtra).map((one) => one.key);
  const known = (chosen ?? usual).filter((key) => own.some((one) => one.key === key));
  // A choice without any column is ignored.
  const keys = isChoosable && known.length > 0 ? known : usual;
  const choose = (next: string[] | null) => {
    if (next) localStorage.setItem(keyOf(name), JSON.stringify(next));
    else localStorage.removeItem(keyOf(name));
    setChosen(next);
  };
  const button =
    isChoosable && !isCards ? (
      <Popover
        trigger="click"
        placement="bottomRight"
        content={
          <fieldset className="columns" aria-label={t('list.columns')}>
            {own.map((one) => (
              <Checkbox
                key={one.key}
                checked={keys.includes(one.key)}
                disabled={keys.length === 1 && keys.includes(one.key)}
                onChange={({ target }) =>
                  choose(
                    target.checked ? [...keys, one.key] : keys.filter((key) => key !== one.key),
                  )
                }
              >
                {one.title}
              </Checkbox>
            ))}
            <Button size="small" disabled={chosen === null} onClick={() => choose(null)}>
              {t('list.columns_default')}
            </Button>
          </fieldset>
        }
      >
        <Button icon={<SettingOutlined aria-hidden />}>{t('list.columns')}</Button>
      </Popover>
    ) : null;
  return { shown: columns.filter((one) => one.isAction || keys.includes(one.key)), button };
}

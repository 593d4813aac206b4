/** A day that is typed or picked, and buttons for ranges of days. */
import { Button, ConfigProvider, DatePicker, type DatePickerProps } from 'antd';
import dayjs from 'dayjs';
import 'dayjs/locale/zh-cn';
import { useContext, useMemo, useRef, useState } from 'react';
import { useText } from '../../texts';
import { dayOf, QUICK, type Quick, quickDays } from './days';
import type { Filter, ListState, Span } from './filters';

type PickerLocale = NonNullable<DatePickerProps['locale']>;

/** Parsed while it is typed, but only a complete day: otherwise the picker would stop after
 * "2026-1-2". */
const FORMATS = ['YYYY-MM-DD', 'YYYY/MM/DD', 'YYYY.MM.DD', 'YYYYMMDD'];

/** The accessible names of its buttons "2026年" and "11月" are their texts; the library uses other
 * names. */
function usePicker() {
  const { locale } = useContext(ConfigProvider.ConfigContext);
  const found = locale?.DatePicker;
  return useMemo(
    () =>
      found && {
        ...found,
        lang: { ...found.lang, yearSelect: undefined, monthSelect: undefined },
      },
    [found],
  );
}

export function DayField({ filter, state }: { filter: Filter; state: ListState }) {
  const { t } = useText();
  const locale = usePicker();
  const value = state.values[filter.name];
  const [odd, setOdd] = useState('');
  // The library and we both see a typed day, and it counts once: after the first time the span may
  // have been turned round, and this day be the other end.
  const known = useRef<string | null>(null);
  const beginAnew = () => {
    known.current = null;
  };
  const choose = (day: string | undefined) => {
    if (day && day === known.current) return;
    known.current = day ?? null;
    state.change({ [filter.name]: day });
  };
  const take = (text: string) => {
    const day = dayOf(text);
    // The picker drops a text that is no day, so this says what was wrong with it.
    setOdd(day || !text.trim() ? '' : text.trim());
    if (day && day !== value) choose(day);
  };
  const id = `filter-${filter.name}`;
  return (
    <div>
      <label htmlFor={id}>{filter.label}</label>
      <DatePicker
        id={id}
        aria-label={filter.label}
        style={{ width: '100%' }}
        format={FORMATS}
        // The calendar's own "today" is the browser's; ours, above the list, is China's.
        showNow={false}
        {...(locale ? { locale: locale as unknown as PickerLocale } : {})}
        placeholder={t('day.format')}
        {...(odd ? { status: 'error' as const } : {})}
        value={value ? dayjs(value) : null}
        onKeyDown={({ key, currentTarget }) => {
          const box = currentTarget.querySelector('input') ?? currentTarget;
          if (key !== 'Enter') beginAnew();
          else if ('value' in box) take(String(box.value));
        }}
        onFocus={beginAnew}
        onOpenChange={(isOpen) => {
          if (isOpen) beginAnew();
        }}
        onBlur={({ target }) => take((target as HTMLInputElement).value)}
        onChange={(day) => {
          setOdd('');
          choose(day ? day.format('YYYY-MM-DD') : undefined);
        }}
      />
      {odd ? (
        <span className="fault" role="alert">
          {t('day.none', { typed: odd })}
        </span>
      ) : null}
    </div>
  );
}

export function QuickDays({ span, state }: { span: Span; state: ListState }) {
  const { t } = useText();
  const [from, to] = [state.values[span.from.name], state.values[span.to.name]];
  const isChosen = (which: Quick) => {
    const days = quickDays(which);
    return days.from === from && days.to === to;
  };
  return (
    <fieldset className="quick" aria-label={t('day.quick')}>
      {QUICK.map((which) => (
        <Button
          key={which}
          size="small"
          type={isChosen(which) ? 'primary' : 'default'}
          aria-pressed={isChosen(which)}
          onClick={() => {
            const days = quickDays(which);
            state.change({ [span.from.name]: days.from, [span.to.name]: days.to });
          }}
        >
          {t(`day.${which}`)}
        </Button>
      ))}
    </fieldset>
  );
}

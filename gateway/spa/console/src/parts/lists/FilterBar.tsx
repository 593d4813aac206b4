/** The filters above a list: typed text applies on Enter, a choice at once. */
import { Alert, Button, Grid, Input, Select } from 'antd';
import { Suspense, useState } from 'react';
import { useText } from '../../texts';
import { lazily } from '../lazily';
import { type Filter, type ListState, spanOf } from './filters';

// A calendar is heavy and not every list has one: a page with one loads it in advance.
const DayField = lazily(async () => ({ default: (await import('./DayField')).DayField }));
const QuickDays = lazily(async () => ({ default: (await import('./DayField')).QuickDays }));

export function fetchDays(): void {
  DayField.fetch();
  QuickDays.fetch();
}

/** from this number of choices on they can be searched by typing */
const MANY = 10;

function Choice({ filter, state }: { filter: Filter; state: ListState }) {
  const { t } = useText();
  const value = state.values[filter.name] ?? '';
  const id = `filter-${filter.name}`;
  const options = [{ value: '', label: t('list.any') }, ...(filter.options ?? [])];
  // The value in the address is shown, also if its name is not known (yet).
  if (!options.some((one) => one.value === value))
    options.push({ value, label: t('list.unknown_choice') });
  return (
    <div>
      <label htmlFor={id}>{filter.label}</label>
      <Select
        id={id}
        aria-label={filter.label}
        value={value}
        style={{ width: '100%' }}
        onChange={(next: string) => state.change({ [filter.name]: next })}
        options={options}
        {...(options.length > MANY ? { showSearch: { optionFilterProp: 'label' } } : {})}
      />
    </div>
  );
}

function Typed({ filter, state }: { filter: Filter; state: ListState }) {
  const value = state.values[filter.name] ?? '';
  const id = `filter-${filter.name}`;
  return (
    <div {...(filter.kind === 'search' ? { 'data-search': true } : {})}>
      <label htmlFor={id}>{filter.label}</label>
      <Input
        id={id}
        key={value}
        defaultValue={value}
        allowClear
        maxLength={64}
        placeholder={filter.placeholder ?? ''}
        onPressEnter={(event) => state.change({ [filter.name]: event.currentTarget.value.trim() })}
        onBlur={(event) => {
          const next = event.currentTarget.value.trim();
          if (next !== value) state.change({ [filter.name]: next });
        }}
        onClear={() => state.change({ [filter.name]: undefined })}
      />
    </div>
  );
}

function Field({ filter, state }: { filter: Filter; state: ListState }) {
  if (filter.kind === 'select') return <Choice filter={filter} state={state} />;
  if (filter.kind === 'day-from' || filter.kind === 'day-to') {
    return (
      <Suspense fallback={<div className="day-wait" />}>
        <DayField filter={filter} state={state} />
      </Suspense>
    );
  }
  return <Typed filter={filter} state={state} />;
}

export function FilterBar({ filters, state }: { filters: Filter[]; state: ListState }) {
  const { t } = useText();
  const isNarrow = Grid.useBreakpoint().sm === false;
  // A phone shows only the search; the other filters open with one touch.
  const isExtra = (one: Filter) => one.isExtra || (isNarrow && one !== filters[0]);
  const hasExtra = filters.some(isExtra);
  const [isOpen, setOpen] = useState(filters.some((one) => one.isExtra && state.values[one.name]));
  const span = spanOf(filters);
  if (filters.length === 0) return null;
  return (
    <search className="filters">
      {filters
        .filter((one) => isOpen || !isExtra(one))
        .map((one) => (
          <Field key={one.name} filter={one} state={state} />
        ))}
      <div className="filters-foot">
        {span ? (
          <Suspense fallback={<div className="quick-wait" />}>
            <QuickDays span={span} state={state} />
          </Suspense>
        ) : null}
        <div className="filters-acts">
          {state.isFiltered ? <Button onClick={state.clear}>{t('list.clear')}</Button> : null}
          {hasExtra ? (
            <Button type="link" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
              {t(isOpen ? 'do.fewer_filters' : 'do.more_filters')}
            </Button>
          ) : null}
        </div>
      </div>
      {state.ignored.length > 0 ? (
        <Alert
          className="filters-note"
          type="warning"
          showIcon
          title={t('list.ignored', { labels: state.ignored.map((one) => one.label).join('、') })}
        />
      ) : null}
    </search>
  );
}

/** The filters above a list: typed text waits for Enter, a choice applies at once. */
import { Alert, Button, Grid, Input, Select } from 'antd';
import { Suspense, useState } from 'react';
import { useText } from '../../texts';
import { lazily } from '../lazily';
import { type Asked, type Filter, type Span, spanOf } from './filters';

// A calendar is heavy, and not every list has one: a page that does says so beforehand.
const DayField = lazily(async () => ({ default: (await import('./DayField')).DayField }));
const QuickDays = lazily(async () => ({ default: (await import('./DayField')).QuickDays }));

export function fetchDays(): void {
  DayField.fetch();
  QuickDays.fetch();
}

/** so many choices are looked through by typing */
const MANY = 10;

function Choice({ filter, asked }: { filter: Filter; asked: Asked }) {
  const { t } = useText();
  const value = asked.values[filter.name] ?? '';
  const id = `filter-${filter.name}`;
  const options = [{ value: '', label: t('list.any') }, ...(filter.options ?? [])];
  // What is asked for is shown, also when its name is not known (yet).
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
        onChange={(next: string) => asked.change({ [filter.name]: next })}
        options={options}
        {...(options.length > MANY ? { showSearch: { optionFilterProp: 'label' } } : {})}
      />
    </div>
  );
}

function Typed({ filter, asked }: { filter: Filter; asked: Asked }) {
  const value = asked.values[filter.name] ?? '';
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
        onPressEnter={(event) => asked.change({ [filter.name]: event.currentTarget.value.trim() })}
        onBlur={(event) => {
          const next = event.currentTarget.value.trim();
          if (next !== value) asked.change({ [filter.name]: next });
        }}
        onClear={() => asked.change({ [filter.name]: undefined })}
      />
    </div>
  );
}

function Field({ filter, span, asked }: { filter: Filter; span: Span | null; asked: Asked }) {
  if (filter.kind === 'select') return <Choice filter={filter} asked={asked} />;
  if (filter.kind === 'day-from' || filter.kind === 'day-to') {
    return (
      <Suspense fallback={<div className="day-wait" />}>
        <DayField filter={filter} span={span} asked={asked} />
      </Suspense>
    );
  }
  return <Typed filter={filter} asked={asked} />;
}

export function FilterBar({ filters, asked }: { filters: Filter[]; asked: Asked }) {
  const { t } = useText();
  const isNarrow = Grid.useBreakpoint().sm === false;
  // A phone shows the search alone; the rest is one touch away.
  const isExtra = (one: Filter) => one.isExtra || (isNarrow && one !== filters[0]);
  const hasExtra = filters.some(isExtra);
  const [isOpen, setOpen] = useState(filters.some((one) => one.isExtra && asked.values[one.name]));
  const span = spanOf(filters);
  if (filters.length === 0) return null;
  return (
    <search className="filters">
      {filters
        .filter((one) => isOpen || !isExtra(one))
        .map((one) => (
          <Field key={one.name} filter={one} span={span} asked={asked} />
        ))}
      <div className="filters-foot">
        {span ? (
          <Suspense fallback={<div className="quick-wait" />}>
            <QuickDays span={span} asked={asked} />
          </Suspense>
        ) : null}
        <div className="filters-acts">
          {asked.isFiltered ? <Button onClick={asked.clear}>{t('list.clear')}</Button> : null}
          {hasExtra ? (
            <Button type="link" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
              {t(isOpen ? 'do.fewer_filters' : 'do.more_filters')}
            </Button>
          ) : null}
        </div>
      </div>
      {asked.ignored.length > 0 ? (
        <Alert
          className="filters-note"
          type="warning"
          showIcon
          title={t('list.ignored', { labels: asked.ignored.map((one) => one.label).join('、') })}
        />
      ) : null}
    </search>
  );
}

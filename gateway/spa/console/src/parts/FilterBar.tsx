/** The filters above a list: typed text waits for Enter, a choice applies at once. */
import { Button, Grid, Input, Select } from 'antd';
import { useState } from 'react';
import { useText } from '../texts';
import type { Asked, Filter } from './filters';

function Field({ filter, asked }: { filter: Filter; asked: Asked }) {
  const { t } = useText();
  const value = asked.values[filter.name] ?? '';
  const id = `filter-${filter.name}`;
  const label = <label htmlFor={id}>{filter.label}</label>;
  if (filter.kind === 'select') {
    return (
      <div>
        {label}
        <Select
          id={id}
          aria-label={filter.label}
          value={value}
          style={{ width: '100%' }}
          onChange={(next: string) => asked.change({ [filter.name]: next })}
          options={[{ value: '', label: t('list.any') }, ...(filter.options ?? [])]}
        />
      </div>
    );
  }
  if (filter.kind === 'day-from' || filter.kind === 'day-to') {
    return (
      <div>
        {label}
        <Input
          id={id}
          type="date"
          value={value}
          onChange={(event) => asked.change({ [filter.name]: event.target.value })}
        />
      </div>
    );
  }
  return (
    <div {...(filter.kind === 'search' ? { 'data-search': true } : {})}>
      {label}
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

export function FilterBar({ filters, asked }: { filters: Filter[]; asked: Asked }) {
  const { t } = useText();
  const isNarrow = Grid.useBreakpoint().sm === false;
  // A phone shows the search alone; the rest is one touch away.
  const isExtra = (one: Filter) => one.isExtra || (isNarrow && one !== filters[0]);
  const hasExtra = filters.some(isExtra);
  const [isOpen, setOpen] = useState(filters.some((one) => one.isExtra && asked.values[one.name]));
  if (filters.length === 0) return null;
  return (
    <search className="filters">
      {filters
        .filter((one) => isOpen || !isExtra(one))
        .map((one) => (
          <Field key={one.name} filter={one} asked={asked} />
        ))}
      <div className="filters-acts">
        {asked.isFiltered ? <Button onClick={asked.clear}>{t('list.clear')}</Button> : null}
        {hasExtra ? (
          <Button type="link" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
            {t(isOpen ? 'do.fewer_filters' : 'do.more_filters')}
          </Button>
        ) : null}
      </div>
    </search>
  );
}

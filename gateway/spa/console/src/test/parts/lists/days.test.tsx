/** Filters that are changed faster than the page is drawn: each change counts once, and none undoes
 * another. */
import { act, render, renderHook, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { BrowserRouter } from 'react-router';
import { beforeEach, expect, it } from 'vitest';
import { DayField } from '../../../parts/lists/DayField';
import { type Filter, useFilters } from '../../../parts/lists/filters';

const FROM: Filter = { name: 'from', label: '日期从', kind: 'day-from' };
const TO: Filter = { name: 'to', label: '日期到', kind: 'day-to' };
const FILTERS: Filter[] = [{ name: 'q', label: '查找', kind: 'search' }, FROM, TO];

function Days() {
  const state = useFilters(FILTERS);
  return (
    <>
      <DayField filter={FROM} state={state} />
      <DayField filter={TO} state={state} />
    </>
  );
}

beforeEach(() => window.history.replaceState(null, '', '/orders'));

it('keeps both of two changes that come before anything is drawn', () => {
  const { result } = renderHook(() => useFilters(FILTERS), { wrapper: BrowserRouter });
  const { change } = result.current;
  const steps = window.history.length;
  act(() => {
    change({ from: '2031-01-05' });
    change({ q: '拿铁' });
    change({ q: '拿铁' });
    change({ to: '2030-12-31' });
  });
  expect(window.history.length, 'the same once more is no step').toBe(steps + 3);
  expect(result.current.values).toEqual({ q: '拿铁', from: '2030-12-31', to: '2031-01-05' });
  expect(window.location.search).toContain('from=2030-12-31&');
});

it('takes the first of a parameter that stands twice in the address, also for what stays', () => {
  window.history.replaceState(null, '', '/orders?q=a&q=b&from=2031-01-05');
  const { result } = renderHook(() => useFilters(FILTERS), { wrapper: BrowserRouter });
  expect(result.current.values.q).toBe('a');
  act(() => result.current.change({ from: undefined }));
  expect(window.location.search).toBe('?q=a');
});

it('takes a typed day once, also when it becomes the other end of the span', async () => {
  window.history.replaceState(null, '', '/orders?from=2031-01-05');
  render(<Days />, { wrapper: BrowserRouter });
  const person = userEvent.setup();
  const steps = window.history.length;
  await person.type(screen.getByLabelText('日期到'), '20301231{Enter}');
  await person.tab();
  expect(window.location.search).toBe('?from=2030-12-31&to=2031-01-05');
  expect(window.history.length, 'one step back leads to before it').toBe(steps + 1);
  expect(screen.getByLabelText('日期到')).toHaveProperty('value', '2031-01-05');
  // Now it is meant: both ends are the same day.
  await person.clear(screen.getByLabelText('日期到'));
  await person.type(screen.getByLabelText('日期到'), '2030-12-31{Enter}');
  expect(window.location.search).toBe('?from=2030-12-31&to=2030-12-31');
});

/** What the small DOM lacks, and a clean slate for every test. */
import { cleanup, configure, getConfig } from '@testing-library/react';
import * as React from 'react';
import { afterEach, beforeEach, expect, vi } from 'vitest';
import { arrived } from '../api/client';
import { chooseLanguage } from '../texts';
import { DARK, LIGHT } from '../theme';
import { hangUp } from './answers';

// Pages are loaded when they are opened, which a busy machine does slowly.
configure({ asyncUtilTimeout: 45_000 });

// What is waited for is looked for after each change of the page; the page is only written into the
// complaint that ends the wait.
const { getElementError } = getConfig();
configure({
  getElementError: (message, container) =>
    Reflect.get(getConfig(), '_disableExpensiveErrorDiagnostics')
      ? Object.assign(new Error(message ?? ''), { name: 'TestingLibraryElementError' })
      : getElementError(message, container),
});

// What is shown is decided here by elements, attributes and their own style. The library writes some
// thousand rules while it runs, and each look for a role would match all of them against every
// element and its parents; what they do is looked at in a browser (tests/browser).
Object.defineProperty(HTMLStyleElement.prototype, 'sheet', { get: () => null });

// And so it need not write them.
for (const theme of [LIGHT, DARK]) theme.zeroRuntime = true;

// React keeps with each element the stack where it was made, to show it with a complaint, and that
// takes long. A complaint fails a test here by its words alone.
const { __CLIENT_INTERNALS_DO_NOT_USE_OR_WARN_USERS_THEY_CANNOT_UPGRADE: internals } =
  React as unknown as Record<string, object>;
Object.defineProperty(internals, 'recentlyCreatedOwnerStacks', {
  configurable: true,
  get: () => Number.POSITIVE_INFINITY,
  set: () => undefined,
});

/** What React and the components say of a wrong or outgrown use of them fails the test. */
const complaints: string[] = [];
/** The small DOM knows fewer elements than a browser. */
const ITS_OWN = 'is unrecognized in this browser';
for (const level of ['error', 'warn'] as const) {
  console[level] = (...words: unknown[]) => {
    const said = words.map(String).join(' ');
    if (!said.includes(ITS_OWN)) complaints.push(said);
  };
}

beforeEach(() => {
  localStorage.clear();
  sessionStorage.clear();
  // As somebody who has signed in here; without a token nobody is asked for.
  localStorage.setItem('damselfly.csrf', 'c-0');
  // This browser prefers English; and a test before may have chosen it, for all that come after.
  chooseLanguage('zh-CN');
  arrived();
});

afterEach(() => {
  hangUp();
  cleanup();
  vi.useRealTimers();
  vi.unstubAllGlobals();
  expect(complaints.splice(0)).toEqual([]);
});
